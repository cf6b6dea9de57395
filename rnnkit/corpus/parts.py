"""Parts of a corpus: training, validation and test; groups by attractors and distance; and how sure a share of right is."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rnnkit.corpus.data import Corpus, unsaid

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
    """(N,) the part of every item: 0 training, 1 validation, 2 test.

    As the corpus says; else a hash decides, of the item's source, or of its words.
    """
    sources = corpus.source or ("",) * len(corpus)
    hashed = [part_of((source,) if source else words) for source, words in zip(sources, corpus.prefixes, strict=True)]
    return np.where(corpus.part >= 0, corpus.part, np.array(hashed, np.int64))


def with_validation(corpus: Corpus) -> Corpus:
    """Where the file gives training items but no validation part: a tenth of them, by the same hash."""
    part = corpus.part
    if not (part == TRAIN).any() or (split(corpus) == VALIDATION).any():
        return corpus
    hashed = split(replace(corpus, part=unsaid()))
    return replace(corpus, part=np.where((part == TRAIN) & (hashed == VALIDATION), VALIDATION, part))


def tested_on(corpus: Corpus, suite: Corpus) -> Corpus:
    """Both as one corpus: `suite` is the test part, `corpus` the others, without what its own file calls test."""
    hashed = split(replace(corpus, part=unsaid())) == VALIDATION
    own = np.where(corpus.part >= 0, corpus.part, np.where(hashed, VALIDATION, TRAIN))
    chosen = np.flatnonzero(own != TEST)
    n = len(suite)

    def both(name: str) -> np.ndarray:
        return np.concatenate([getattr(corpus, name)[chosen], getattr(suite, name)])

    forms = (*(corpus.forms[i] for i in chosen), *suite.forms) if corpus.forms and suite.forms else ()
    sources = (corpus.source or ("",) * len(corpus), suite.source or ("",) * n)
    left_out = len(corpus) - len(chosen)
    told = f"{left_out:,} items that the training file calls test are left out: {suite.name} is the test."
    return Corpus(
        name=f"{corpus.name}, tested on {suite.name}",
        format=corpus.format,
        prefixes=(*(corpus.prefixes[i] for i in chosen), *suite.prefixes),
        plural=both("plural"),
        attractors=both("attractors"),
        distance=both("distance"),
        forms=forms,
        notes=(*corpus.notes, *(f"Test: {note}" for note in suite.notes), *([told] if left_out else [])),
        part=np.concatenate([own[chosen], np.full(n, TEST)]),
        source=(*(sources[0][i] for i in chosen), *sources[1]) if corpus.source or suite.source else (),
        last_noun=both("last_noun"),
    )


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


def wilson(k: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval for the share of right answers, k of n; (0, 1) where n is 0. ValueError unless 0 <= k <= n.

    k need not be whole: of n different prefixes that repeat, k / n is the share of right rows.
    """
    if not 0 <= k <= n:
        raise ValueError(f"expected 0 <= k <= n, got k = {k} and n = {n}")
    if n == 0:
        return 0.0, 1.0
    share, z2 = k / n, Z95**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return (0.0 if k == 0 else middle - half), (1.0 if k == n else middle + half)
