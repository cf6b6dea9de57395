"""Minimal pairs: the share in which the right form, or the right sentence, is more probable than the wrong one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class MinimalPairs:
    """Accuracy of the network, beside models of the training text's counts.

    A row has by ("all", "attractors", "known", "paradigm"), group, n, prefixes (n, as the pairs are different ones), who, right
    (share), low and high (Wilson's 95 % interval). who: "network"; "five-gram", the counting model (ngrams.py); "frequent-form",
    the one that the training text has more often (a tie is half right); of the example "last-noun", the number of the last noun
    that has one. "known" groups pairs by whether all their words are, "paradigm" by the UID that their file gives.
    """

    rows: list[dict[str, Any]]
    pairs: int  # how many were asked ...
    usable: int  # ... of so many
    skipped: int  # pairs that differ in a word that is not known: they cannot be compared
    same: int  # pairs whose sentences are the same to the task
    missing: list[str]  # some of the words that are not known
    strange: int  # asked pairs that hold another unknown word
    known: float  # share of the symbols of their prefixes that are known, 0 to 1
    diverged: int = -1  # training step at which the network became NaN (its last sound weights are used), or -1
