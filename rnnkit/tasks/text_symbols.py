"""Converts between text and the symbols of a language model, and splits minimal pairs into pieces.

numpy alone.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from rnnkit.corpus import Pairs
from rnnkit.corpus.pairs import Both, Pair
from rnnkit.corpus.tokens import is_closing, is_opening, to_tokens, unspaced
from rnnkit.tasks.agreement import WORDS, Agreement
from rnnkit.tasks.next_symbol import NextSymbol, example_text
from rnnkit.tasks.sentences import VERBS, build

ENDS = (".", "。", "।", "۔", "?", "؟", "!", ",")  # of a sentence, the first that a text has
QUOTES = frozenset("\"'“”„‘’«»‹›")  # which of them open and which close is not the same in every language


def pieces(task: NextSymbol, text: str) -> Sequence[str]:
    """Returns a text as the task's pieces: its characters (NFC), or its words in lower case and its marks."""
    text = unicodedata.normalize("NFC", text)
    return to_tokens(text) if task.by_words else text


def unknown(task: NextSymbol, found: Sequence[str]) -> list[str]:
    """Returns the pieces without a symbol of their own, each once, in their order."""
    known = set(task.known.symbols[: task.named])
    return [piece for piece in dict.fromkeys(found) if piece not in known]


def joined(task: NextSymbol, found: Sequence[str], before: Sequence[str] = ()) -> str:
    """Joins pieces to a text that follows the pieces `before`. Of quotation marks the first opens and the next one closes."""
    if not task.by_words:
        return "".join(found)
    text, tight, inside = "", True, False
    for i, word in enumerate([*before, *found]):
        quote = word in QUOTES
        closes = inside if quote else is_closing(word[0])
        if i >= len(before):
            text += word if tight or closes else f" {word}"
        tight = not inside if quote else is_opening(word[-1])
        inside ^= quote
    return text


def beginning(task: NextSymbol) -> str:
    """Returns the piece before a sentence: the end of the sentence before, else the most frequent symbol."""
    known = set(task.known.symbols[: task.named])
    ends = ENDS if task.by_words else ("\n", " ", *ENDS)
    return next((end for end in ends if end in known), str(task.known.symbols[int(task.shares.argmax())]))


# ---- minimal pairs ----


def spelt(task: NextSymbol, before: str, after: str) -> tuple[list[str], list[str]]:
    """Returns the pieces of a sentence up to the form, after the end of another sentence, and those of the form.

    With characters a form that ends in a letter has the space behind it, without which "is" would be a part of "island"; not in
    scripts that put no spaces between words.
    """
    if task.by_words:
        return [beginning(task), *pieces(task, before)], [*pieces(task, after)]
    space = "" if unspaced(before + after) else " "
    gap = space if before and not is_closing(after[0]) and not is_opening(before[-1]) else ""
    return [beginning(task), *pieces(task, before + gap)], [*pieces(task, after), *("" if is_closing(after[-1]) else space)]


def differing(right: Sequence[str], wrong: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Returns, of the pieces of two sentences, those from the first to the last that differ."""
    least = min(len(right), len(wrong))
    start = next((i for i in range(least) if right[i] != wrong[i]), least)
    end = next((i for i in range(least - start) if right[-1 - i] != wrong[-1 - i]), least - start)
    return right[start : len(right) - end], wrong[start : len(wrong) - end]


PAIRS = 150  # of the example, for each number of attractors and each number of words


@lru_cache(maxsize=1)
def example_pairs() -> Pairs:
    """Returns pairs after prefixes that the example text does not hold, with 0 to 3 attractors of the opposite number."""
    rng = np.random.default_rng(1)
    task = Agreement(varying=True, attractors=0.5)
    text = example_text().text
    found: dict[Pair, None] = {}
    for attractors in range(4):
        for length in range(max(Agreement.min_length, 6 + 2 * attractors), 15):
            batch = build(task, length, PAIRS // 8, rng, attractors=attractors, relation="opposite")
            for x, plural in zip(batch.x.T, batch.y[0], strict=True):
                prefix = " ".join(WORDS[i] for i in x).replace(" ,", ",")
                if prefix not in text:
                    forms: Both = (VERBS[plural], VERBS[1 - plural])
                    found[Pair((prefix, prefix), forms, attractors)] = None
    return Pairs("example pairs", tuple(found))
