"""Bits per symbol of a language model on held-out text, beside counting models."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LmBits:
    """On the first 20,000 symbols of the test part, read once, the state carried through.

    A model is "network", "five-gram", "bigram", "unigram" or "uniform" (all symbols equally likely).
    """

    bits: dict[str, float]  # model -> mean of -log2 p of each symbol but the first, given all before; unknown ones are catch-alls
    known_bits: dict[str, float] | None  # the same over the known symbols alone; None where none is known
    perplexity: float  # 2^bits of the network
    unknown: float  # share of the symbols that are not known, 0 to 1
    accuracy: float  # share of the symbols that were the network's most probable, never of a catch-all
    symbols: int  # how many were read
    coverage: dict[str, float]  # "training", "validation", "test" -> share of the symbols that are known
    different: int  # how many different symbols are known
    remarks: list[str]  # sentences about the text
    diverged: int = -1  # training step at which the network became NaN (its last sound weights are used), or -1
