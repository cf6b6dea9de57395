"""Sentences of the agreement tasks with given numbers of words, adverbs and attractors, or typed; and rules that answer them.

    [adverbs] the SUBJECT , which CLAUSE ,   ->   was | were

The grammar and its words are those of tasks/agreement.py. A sentence can be conditioned: its clause is drawn until it has
k nouns, then exactly k of its mass nouns (milk: they have no number) become attractors, nouns of a given number. The subject is
the first noun that has a number. numpy alone; sentences are symbols, time first, (T, N).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

import numpy as np

from rnnkit.tasks.agreement import GRAMMAR, GROUPS, PLURAL, SINGULAR, VOCABULARY, WORDS, Agreement
from rnnkit.tasks.base import HELD_OUT_ONE_IN, Batch, is_held_out

RELATIONS = ("opposite", "same", "random")  # number of the attractors: against the subject's, the subject's, independent of it
FORMS = np.array([GROUPS["singular"], GROUPS["plural"]])  # [number, noun] -> symbol
NOUN, NUMBER = np.full((2, len(WORDS)), -1)  # of every symbol: which noun it is, and 0 singular or 1 plural; -1 where it is none
NOUN[FORMS], NUMBER[FORMS] = np.arange(len(SINGULAR)), [[0], [1]]
FRAME, MIN_CLAUSE_WORDS = 5, 2  # words beside the clause, and the fewest in it
MAX_TYPED_CHARS, MAX_UNKNOWN_NAMED = 20_000, 5  # characters of a typed sentence; words of it that are named as unknown
MAX_ROUNDS = 500  # of drawing again, before a condition counts as too rare
VERBS = ("was", "were")
TOKEN = re.compile(r"""[^\s,.;:!?…()"“”„«»–—]+|,""")  # a word, or a comma


# ---- with given properties ----


def max_adverbs(length: int) -> int:
    """Returns the largest number of adverbs before the subject in a sentence of `length` words, where the subject moves."""
    return (length - Agreement.min_length) // 2


def build(
    task: Agreement,
    length: int,
    n: int,
    rng: np.random.Generator,
    *,
    adverbs: int | None = None,
    attractors: int | None = None,
    relation: str = "random",
    held_out: bool = False,
) -> Batch:
    """Draws n sentences of `length` words: x (T, n), and the subject's number y (1, n), 0 or 1 with probability 1/2.

    adverbs: how many stand in front; attractors: how many nouns of the clause have a number, and `relation`, which. None leaves
    either to the task. held_out: only sentences that no training ever sees. Raises ValueError where the words do not suffice: a
    clause has at least 2, and 2 for each attractor.
    """
    if relation not in RELATIONS:
        raise ValueError(f"relation must be one of {', '.join(RELATIONS)}, got {relation!r}")
    room = length - FRAME - max(MIN_CLAUSE_WORDS, 2 * (attractors or 0))
    if room < (adverbs or 0):
        needed = length - room + (adverbs or 0)
        raise ValueError(f"{adverbs or 0} adverbs and {attractors or 0} attractors need {needed} words or more, got {length}")
    before = np.full(n, adverbs or 0)
    if adverbs is None and task.varying:
        before = rng.integers(0, min(room, max_adverbs(length)) + 1, n)
    # one place of the subject after the other: drawing a clause again must not change where subjects stand
    places = zip(*np.unique(before, return_counts=True), strict=True)
    x = np.concatenate(
        [_drawn(task, length, int(many), rng, int(k), attractors, relation, held_out) for k, many in places], axis=1
    )
    return Batch(x, NUMBER[x[subjects(x), np.arange(n)]][None])


def _drawn(
    task: Agreement,
    length: int,
    n: int,
    rng: np.random.Generator,
    adverbs: int,
    attractors: int | None,
    relation: str,
    held_out: bool,
) -> np.ndarray:
    """Draws n sentences (T, n) as `build` does, with this number of adverbs before the subject."""
    plain = Agreement(attractors=task.attractors if attractors is None else 0)
    found: list[np.ndarray] = []
    missing = n
    for _ in range(MAX_ROUNDS):
        many = max(32, missing) * (HELD_OUT_ONE_IN if held_out else 1)
        front = rng.choice(GROUPS["adverb"], (adverbs, many))
        x = np.concatenate([front, plain.sample(length - adverbs, many, rng).x])
        if attractors:
            x = _placed(x[:, _mass(x).sum(0) >= attractors], attractors, relation, rng)
        found.append(x[:, is_held_out(x)] if held_out else x)
        missing -= found[-1].shape[1]
        if missing <= 0:
            return np.concatenate(found, axis=1)[:, :n]
    raise ValueError(f"a clause of {length - FRAME - adverbs} words with {attractors} attractors is too rare to be found")


def _placed(x: np.ndarray, k: int, relation: str, rng: np.random.Generator) -> np.ndarray:
    """Returns the same sentences with k random mass nouns replaced by nouns of that number."""
    x, columns = x.copy(), np.arange(x.shape[1])
    order = np.where(_mass(x), rng.random(x.shape), 2).argsort(axis=0)[:k]
    subject = NUMBER[x[subjects(x), columns]]
    number = {"same": subject, "opposite": 1 - subject}.get(relation, rng.integers(0, 2, order.shape))
    x[order, columns] = FORMS[np.broadcast_to(number, order.shape), rng.integers(0, len(SINGULAR), order.shape)]
    return x


def _mass(x: np.ndarray) -> np.ndarray:
    return np.isin(x, GROUPS["mass"])


def subjects(x: np.ndarray) -> np.ndarray:
    """Returns the step of the first noun with a number, (N,); 0 where there is none."""
    return (NUMBER[x] >= 0).argmax(0)


def versions(x: np.ndarray, subject: int | None = None, relation: str = "random") -> np.ndarray:
    """Returns a sentence (T,) with its subject in singular and in plural, (T, 2).

    subject: another noun for it, as its place in SINGULAR. The attractors turn with the subject, so that they stay opposite to
    it, or the same; or, where they are independent ("random"), stay as they are.
    """
    (at,) = subjects(x[:, None])
    both = np.stack([x, x], 1)
    both[at] = FORMS[:, NOUN[x[at]] if subject is None else subject]
    if relation != "random":
        others = NUMBER[x] >= 0
        others[at] = False
        number = np.array([0, 1]) if relation == "same" else np.array([1, 0])
        both[others] = FORMS[number, NOUN[x[others], None]]
    return both


# ---- rules without a network ----


def baselines(x: np.ndarray) -> Mapping[str, np.ndarray]:
    """Returns name -> the answers (N,) of rules on the words x (T, N).

    One answers the number of the last noun that has one: the subject itself, without attractors. A bag of words answers plural
    where any noun is plural.
    """
    number = NUMBER[x]
    last = np.where((number >= 0).any(0), number[len(x) - 1 - (number >= 0)[::-1].argmax(0), np.arange(x.shape[1])], 0)
    return {"last noun": last, "opposite of the last noun": 1 - last, "any plural seen": (number == 1).any(0).astype(int)}


# ---- typed ----


class Typed(NamedTuple):
    """A typed sentence, up to the verb."""

    x: np.ndarray  # (T,) symbols of the words in the vocabulary
    verb: str  # "was", "were", or "" where the text has neither
    rest: str  # what stands behind the verb: the network has answered by then
    unknown: str  # names the words before the verb that are not in the vocabulary, and were left out; "" where there are none


def parse(text: str) -> np.ndarray:
    """Returns the words up to the verb as symbols (T,), as `read_typed`. Raises ValueError for an unknown word."""
    typed = read_typed(text)
    if typed.unknown:
        raise ValueError(typed.unknown)
    return typed.x


def read_typed(text: str) -> Typed:
    """Reads a sentence up to the first was or were, if there is one. Capitals and marks other than the comma are ignored.

    Unknown words are left out and named, the first with what they may have been. Raises ValueError where the text is too long,
    or where what is left has no subject.
    """
    if len(text) > MAX_TYPED_CHARS:
        raise ValueError(f"expected at most {MAX_TYPED_CHARS:,} characters, got {len(text):,}")
    words = TOKEN.findall(text.lower().replace("’", "'"))
    end = next((i for i, word in enumerate(words) if word in VERBS), len(words))
    unknown = _named([word for word in dict.fromkeys(words[:end]) if word not in WORDS])
    x = np.array([WORDS.index(word) for word in words[:end] if word in WORDS], np.int64)
    if not (NUMBER[x] >= 0).any():
        nouns = ", ".join(f"{one} or {many}" for one, many in zip(SINGULAR[:3], PLURAL, strict=False))
        no_subject = f"there is no subject: the first noun with a number is the subject, such as {nouns}"
        raise ValueError("; ".join(filter(None, [unknown, no_subject])))
    return Typed(x, "".join(words[end : end + 1]), " ".join(words[end + 1 :]).replace(" ,", ","), unknown)


def _named(unknown: Sequence[str]) -> str:
    more = [f"and {len(unknown) - MAX_UNKNOWN_NAMED:,} more words are not"] if len(unknown) > MAX_UNKNOWN_NAMED else []
    return "; ".join([*map(_unknown, unknown[:MAX_UNKNOWN_NAMED]), *more])


def _unknown(word: str) -> str:
    near = get_close_matches(word, WORDS, n=3, cutoff=0.6)
    shown = word if len(word) <= 40 else f"{word[:37]}..."
    return f"“{shown}” is not in the vocabulary" + (f"; near to it are {', '.join(near)}" if near else "")


def text(x: np.ndarray) -> str:
    """Returns the sentence x (T,) as written text."""
    return " ".join(WORDS[i] for i in x).replace(" ,", ",")


CLASS = {word: name for name, group in VOCABULARY.items() for word in group} | dict.fromkeys((*SINGULAR, *PLURAL), "noun")
CLASS |= dict.fromkeys(VOCABULARY["mass"], "noun")


def deviation(x: np.ndarray) -> str:
    """Describes where a sentence x (T,) leaves the grammar of the tasks; returns "" where it does not."""
    words = [WORDS[i] for i in x]
    (subject,) = subjects(x[:, None])
    before = ["the", None, ",", "which"]
    start = int(subject) - 1
    if start < 0 or any(CLASS[word] != "adverb" for word in words[:start]):
        return "before the subject, only adverbs and “the” can stand"
    for word, wanted in zip(words[start:], before, strict=False):
        if wanted and word != wanted:
            return f"“{wanted}” is expected where “{word}” stands"
    if len(words) < start + FRAME + MIN_CLAUSE_WORDS:
        return f"it has fewer than {FRAME + MIN_CLAUSE_WORDS} words"
    if words[-1] != ",":
        return "the comma before the verb is missing"
    return _clause(words[start + len(before) : -1])


def _clause(words: Sequence[str]) -> str:
    state, last = "start", "which"
    for word in words:
        if CLASS[word] not in GRAMMAR[state]:
            return f"“{word}” cannot follow “{last}”"
        state, last = CLASS[word], word
    return "" if state == "noun" else "the clause does not end with a noun"
