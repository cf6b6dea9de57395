"""Parts of a corpus: training, validation and test; groups by attractors and distance; and how sure a share of right is."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np

from rnnkit.corpus.data import Corpus

TRAIN, VALIDATION, TEST = range(3)
Z95 = 1.959964  # the normal distribution's 97.5 % quantile
MANY_ATTRACTORS = 4  # so many or more are one group
DISTANCES = (1, 4, 7, 10, 15)  # the last word-distance of each bin but the open one


def part_of(words: Sequence[str]) -> int:
    """TRAIN for eight prefixes in ten, VALIDATION and TEST for one each, decided by a hash of the words alone.

    So the same prefix is always in the same part, whatever its label, the order, a seed or the other items.
    """
    tenth = int.from_bytes(hashlib.blake2b(" ".join(words).encode(), digest_size=8).digest(), "big") % 10
    return TRAIN if tenth < 8 else VALIDATION if tenth == 8 else TEST


def split(corpus: Corpus) -> np.ndarray:
    """(N,) the part of every item: 0 training, 1 validation, 2 test."""
    return np.array([part_of(words) for words in corpus.prefixes], np.int64)


def sizes(corpus: Corpus) -> tuple[int, int, int]:
    """How many items each part has."""
    train, validation, test = np.bincount(split(corpus), minlength=3).tolist()
    return train, validation, test


def groups(corpus: Corpus) -> dict[str, dict[str, np.ndarray]]:
    """ "attractors" and "distance" -> label of a group -> (N,) bool, for tables of results.

    Groups without items are left out, "unknown" stands last, and what is unknown of all items is left out altogether.
    """
    attractors = {str(n): corpus.attractors == n for n in range(MANY_ATTRACTORS)}
    attractors[f"{MANY_ATTRACTORS}+"] = corpus.attractors >= MANY_ATTRACTORS
    distance, low = {}, 1
    for high in DISTANCES:
        distance[str(high) if low == high else f"{low}–{high}"] = (corpus.distance >= low) & (corpus.distance <= high)
        low = high + 1
    distance[f"{low}+"] = corpus.distance >= low
    found = {}
    for name, masks, values in (("attractors", attractors, corpus.attractors), ("distance", distance, corpus.distance)):
        if (values >= 0).any():
            masks["unknown"] = values < 0
            found[name] = {label: mask for label, mask in masks.items() if mask.any()}
    return found


def wilson(k: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval for the share of right answers, k of n; (0, 1) where n is 0. ValueError unless 0 <= k <= n."""
    if not 0 <= k <= n:
        raise ValueError(f"expected 0 <= k <= n, got k = {k} and n = {n}")
    if n == 0:
        return 0.0, 1.0
    share, z2 = k / n, Z95**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return (0.0 if k == 0 else middle - half), (1.0 if k == n else middle + half)
