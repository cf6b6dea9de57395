"""Between text and the symbols of a language model; and minimal pairs, one verb form right and one wrong after the same words.

numpy alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

from rnnkit.corpus import Corpus
from rnnkit.corpus.source import MARKS, to_words
from rnnkit.sentences import VERBS, build, subjects
from rnnkit.tasks.agreement import WORDS, Agreement
from rnnkit.tasks.texts import NextSymbol, example_text

CLOSING = frozenset(",;:!?.)]”")  # no space before these
OPENING = frozenset("([“")  # nor behind these


def pieces(task: NextSymbol, text: str) -> Sequence[str]:
    """A text as the task's symbols are spelt: its characters, or its words in lower case with marks apart."""
    return to_words(text, MARKS + ".") if task.by_words else text


def unknown(task: NextSymbol, found: Sequence[str]) -> list[str]:
    """Those that the task cannot tell from others, each once, in their order."""
    known = set(task.known.symbols)
    return [piece for piece in dict.fromkeys(found) if piece not in known]


def joined(task: NextSymbol, found: Sequence[str], before: Sequence[str] = ()) -> str:
    """Pieces as text again, to be put behind the pieces `before`."""
    if not task.by_words:
        return "".join(found)
    last = [*before[-1:]] or [""]
    return "".join(word if tight(left, word) else f" {word}" for left, word in pairwise([*last, *found]))


def tight(left: str, right: str) -> bool:
    """Whether two words stand together without a space."""
    return not left or left in OPENING or right in CLOSING


def beginning(task: NextSymbol) -> str:
    """The piece before a sentence: the end of the one before it, as far as the text has such a thing."""
    ends = (".", ",") if task.by_words else ("\n", " ")
    known = set(task.known.symbols)
    return next((end for end in ends if end in known), str(task.known.symbols[int(task.shares.argmax())]))


# ---- minimal pairs ----


def continued(task: NextSymbol, words: Sequence[str]) -> list[str]:
    """The pieces of a prefix, up to where the verb begins, behind the end of another sentence."""
    if task.by_words:
        return [beginning(task), *words]
    text = "".join(word if tight(left, word) else f" {word}" for left, word in pairwise(["", *words]))
    return [beginning(task), *text, " "]


def spelt(task: NextSymbol, form: str) -> list[str]:
    """The pieces of a verb form; with characters also the space behind it, without which "is" would be a part of "island"."""
    return form.split() if task.by_words else [*form, " "]


PAIRS = 150  # of the example, for each number of attractors and each number of words


@lru_cache(maxsize=1)
def example_pairs() -> Corpus:
    """Prefixes of the example text's grammar that the text does not hold, with 0 to 3 attractors, all of the opposite number."""
    rng = np.random.default_rng(1)
    task = Agreement("", "", varying=True, attractors=0.5)
    known = example_text().text
    found: dict[tuple[str, ...], tuple[int, int, int]] = {}  # words -> plural, attractors, distance
    for attractors in range(4):
        for length in range(max(Agreement.min_length, 6 + 2 * attractors), 15):
            batch = build(task, length, PAIRS // 8, rng, attractors=attractors, relation="opposite")
            for x, plural, subject in zip(batch.x.T, batch.y[0], subjects(batch.x), strict=True):
                words = tuple(WORDS[i] for i in x)
                if " ".join(words).replace(" ,", ",") not in known:
                    found[words] = (int(plural), attractors, length - int(subject))
    plurals, opposites, distances = np.array(list(found.values())).T
    forms = tuple((VERBS[p], VERBS[1 - p]) for p in plurals)
    return Corpus("example pairs", "example", tuple(found), plurals == 1, opposites, distances, forms, notes=())
