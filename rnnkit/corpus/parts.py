"""Splits a corpus into training, validation and test; groups items by attractors and distance; confidence intervals."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rnnkit.corpus.data import Corpus, unknown_values

TRAIN, VALIDATION, TEST = range(3)
Z95 = 1.959964  # the normal distribution's 97.5 % quantile
MAX_ATTRACTOR_GROUP = 4  # items with this many attractors or more form one group
LAST_DISTANCES = (1, 4, 7, 10, 15)  # last distance of each bin; one more bin is open


def part_of(words: Sequence[str]) -> int:
    """Returns TRAIN for eight prefixes in ten, VALIDATION for one and TEST for one.

    A hash of the words decides. Equal prefixes are in the same part, whatever their labels, their order or a seed.
    """
    tenth = int.from_bytes(hashlib.blake2b(" ".join(words).encode(), digest_size=8).digest(), "big") % 10
    return TRAIN if tenth < 8 else VALIDATION if tenth == 8 else TEST


def split(corpus: Corpus) -> np.ndarray:
    """Returns (N,) the part of every item: 0 training, 1 validation, 2 test.

    It is corpus.part where that is known. Else a hash of the item's source decides, or of its words where it has no source.
    """
    sources = corpus.source or ("",) * len(corpus)
    hashed = [part_of((source,) if source else words) for source, words in zip(sources, corpus.prefixes, strict=True)]
    return np.where(corpus.part >= 0, corpus.part, np.array(hashed, np.int64))


def with_validation(corpus: Corpus) -> Corpus:
    """Moves a tenth of the training items to the validation part, by hash, where the file has no validation part."""
    part = corpus.part
    if not (part == TRAIN).any() or (split(corpus) == VALIDATION).any():
        return corpus
    hashed = split(replace(corpus, part=unknown_values()))
    return replace(corpus, part=np.where((part == TRAIN) & (hashed == VALIDATION), VALIDATION, part))


def with_test_suite(corpus: Corpus, suite: Corpus) -> Corpus:
    """Returns one Corpus: `suite` is its test part; training and validation are those of `corpus`, whose test part is dropped."""
    hashed = split(replace(corpus, part=unknown_values())) == VALIDATION
    own_part = np.where(corpus.part >= 0, corpus.part, np.where(hashed, VALIDATION, TRAIN))
    chosen = np.flatnonzero(own_part != TEST)
    n = len(suite)

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(corpus, name)[chosen], getattr(suite, name)])

    forms = (*(corpus.forms[i] for i in chosen), *suite.forms) if corpus.forms and suite.forms else ()
    sources = (corpus.source or ("",) * len(corpus), suite.source or ("",) * n)
    left_out = len(corpus) - len(chosen)
    note = f"{left_out:,} items that the training file calls test are left out: {suite.name} is the test."
    return Corpus(
        name=f"{corpus.name}, tested on {suite.name}",
        format=corpus.format,
        prefixes=(*(corpus.prefixes[i] for i in chosen), *suite.prefixes),
        plural=joined("plural"),
        attractors=joined("attractors"),
        distance=joined("distance"),
        forms=forms,
        notes=(*corpus.notes, *(f"Test: {line}" for line in suite.notes), *([note] if left_out else [])),
        part=np.concatenate([own_part[chosen], np.full(n, TEST)]),
        source=(*(sources[0][i] for i in chosen), *sources[1]) if corpus.source or suite.source else (),
        last_noun=joined("last_noun"),
    )


def part_sizes(corpus: Corpus) -> tuple[int, int, int]:
    """Returns the number of items for training, validation and test."""
    train, validation, test = np.bincount(split(corpus), minlength=3).tolist()
    return train, validation, test


def groups(corpus: Corpus) -> dict[str, dict[str, np.ndarray]]:
    """Returns "attractors" and "distance" -> label of a group -> (N,) bool mask, for tables of results.

    Leaves out empty groups, and a grouping that is unknown for all items. The group "unknown" comes last.
    """
    attractors = {str(n): corpus.attractors == n for n in range(MAX_ATTRACTOR_GROUP)}
    attractors[f"{MAX_ATTRACTOR_GROUP}+"] = corpus.attractors >= MAX_ATTRACTOR_GROUP
    distance, low = {}, 1
    for high in LAST_DISTANCES:
        distance[str(high) if low == high else f"{low}–{high}"] = (corpus.distance >= low) & (corpus.distance <= high)
        low = high + 1
    distance[f"{low}+"] = corpus.distance >= low
    found = {}
    for name, masks, values in (("attractors", attractors, corpus.attractors), ("distance", distance, corpus.distance)):
        if (values >= 0).any():
            masks["unknown"] = values < 0
            found[name] = {label: mask for label, mask in masks.items() if mask.any()}
    return found


def wilson(k: float, n: int) -> tuple[float, float]:
    """Returns (low, high), Wilson's 95 % interval of the share k / n of right answers; (0, 1) where n is 0.

    k may be a fraction: where n different prefixes repeat, k / n is the share of right rows. Raises ValueError unless
    0 <= k <= n.
    """
    if not 0 <= k <= n:
        raise ValueError(f"expected 0 <= k <= n, got k = {k} and n = {n}")
    if n == 0:
        return 0.0, 1.0
    share, z2 = k / n, Z95**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return (0.0 if k == 0 else middle - half), (1.0 if k == n else middle + half)
