"""Sentences about a corpus that limit what results on it mean: sizes, imbalance, repetitions, near copies, small parts.

Each function of NOTES takes the corpus and the sizes of its three parts and returns a sentence, "" where there is nothing to say.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rnnkit.corpus.data import Corpus
from rnnkit.corpus.near_copies import MIN_NOTED_SHARE, near_copies
from rnnkit.corpus.parts import TEST, TRAIN, VALIDATION, split, wilson
from rnnkit.rounding import percent

Sizes = tuple[int, int, int]

MIN_IMBALANCE = 0.6  # share of the more frequent number
MIN_TEST_PREFIXES = 200  # with fewer, the 95 % interval around 90 % right is wider than eight points
MIN_VALIDATION_PREFIXES = 100  # with fewer, the accuracy while training moves in steps of more than one point


def count(n: int, noun: str, many: str = "") -> str:
    """Returns `1 line` or `2,000 lines`; `many` is the plural where it is not noun + s."""
    return f"{n:,} {noun if n == 1 else many or noun + 's'}"


def contents(corpus: Corpus, parts: Sizes) -> str:
    train, validation, test = parts
    return (
        f"{len(corpus):,} prefixes, {(~corpus.plural).sum():,} before a singular and {corpus.plural.sum():,} before a plural "
        f"verb: {train:,} for training, {validation:,} for validation, {test:,} for the test. All words are in lower case."
    )


def imbalance(corpus: Corpus, parts: Sizes) -> str:
    share = max(corpus.plural.mean(), 1 - corpus.plural.mean())
    number = "plural" if corpus.plural.mean() > 0.5 else "singular"
    if share < MIN_IMBALANCE:
        return ""
    return f"{percent(share)} of all verbs in the file are {number}: always answering so is right as often over the whole file."


def parts_given(corpus: Corpus, parts: Sizes) -> str:
    """How the parts were decided, where it was not by a hash of the words."""
    if (corpus.part >= 0).any():
        return "The parts are as the column split or the second file says; a hash decides what they do not say."
    if corpus.source:
        return f"All sentences of one source are in one part: {len(set(corpus.source)):,} sources."
    return ""


def repetitions(corpus: Corpus, parts: Sizes) -> str:
    numbers: dict[tuple[str, ...], set[bool]] = {}
    for words, plural in zip(corpus.prefixes, corpus.plural.tolist(), strict=True):
        numbers.setdefault(words, set()).add(plural)
    again, both = len(corpus) - len(numbers), sum(len(found) == 2 for found in numbers.values())
    if not again:
        return ""
    ambiguous = (
        f" {count(both, 'prefix occurs', 'prefixes occur')} before both numbers: no answer is always right." if both else ""
    )
    where = (
        f"{leak:,} of the test are in the training part as well."
        if (leak := _leak(corpus))
        else "repetitions stay in the same part."
    )
    return f"{count(again, 'prefix repeats', 'prefixes repeat')} an earlier one; {where}{ambiguous}"


def _leak(corpus: Corpus) -> int:
    """Returns the number of test items whose prefix is in the training part; 0 where the words decide the part."""
    part = split(corpus)
    trained = {corpus.prefixes[i] for i in np.flatnonzero(part == TRAIN)}
    return sum(corpus.prefixes[i] in trained for i in np.flatnonzero(part == TEST))


def copies(corpus: Corpus, parts: Sizes) -> str:
    share = near_copies(corpus)
    if share < MIN_NOTED_SHARE:
        return ""
    advice = "" if corpus.source else ": a column source (or group, constr_id) keeps all variants of a sentence in one part"
    return f"{percent(share)} of the test prefixes are training prefixes with other content words (near copies){advice}."


def attractors(corpus: Corpus, parts: Sizes) -> str:
    known = corpus.attractors >= 0
    if not known.any():
        return "How many attractors stand between subject and verb is unknown: results cannot be grouped by it."
    with_some = (corpus.attractors[known] > 0).mean()
    if with_some <= 0.5:
        return ""
    return (
        f"{percent(with_some)} of the prefixes have an attractor (a noun of the other number between subject and verb), so the "
        "opposite of the last noun may often be right: compare with that baseline."
    )


def few_validation(corpus: Corpus, parts: Sizes) -> str:
    n, counted = _different(corpus, VALIDATION)
    if n >= MIN_VALIDATION_PREFIXES:
        return ""
    mean = " on average" if n < parts[VALIDATION] else ""
    return f"The validation part has only {counted}: the accuracy while training moves in steps of {percent(1 / n, 1)}{mean}."


def small_test(corpus: Corpus, parts: Sizes) -> str:
    n, counted = _different(corpus, TEST)
    if n >= MIN_TEST_PREFIXES:
        return ""
    k = round(0.9 * n)
    low, high = wilson(k, n)
    return f"The test part has only {counted}: {k} right of {n} would mean {percent(low)} to {percent(high)} (95 % interval)."


NOTES: tuple[Callable[[Corpus, Sizes], str], ...] = (
    contents,
    parts_given,
    imbalance,
    repetitions,
    copies,
    attractors,
    few_validation,
    small_test,
)


def _different(corpus: Corpus, part: int) -> tuple[int, str]:
    """Returns the number of different prefixes in a part, and the same in words."""
    items = np.flatnonzero(split(corpus) == part)
    n = len({corpus.prefixes[i] for i in items})
    different = "different " if n < len(items) else ""
    return n, count(n, f"{different}prefix", f"{different}prefixes")


def corpus_notes(corpus: Corpus, parts: Sizes) -> list[str]:
    """Returns all sentences of NOTES; `parts` are the numbers of items for training, validation and test."""
    return [sentence for note in NOTES if (sentence := note(corpus, parts))]
