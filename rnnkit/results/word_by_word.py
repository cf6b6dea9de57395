"""One network on sentences, word by word: answers, gradients and activations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class WordByWord:
    """Of N sentences of T words, P parts of the state, and U of the H units."""

    plural: np.ndarray  # (N, T) probability of the plural verb if the sentence stopped there; of a reservoir the score
    right: np.ndarray  # (N,) the answers: 0 singular, 1 plural, of the first noun that has a number
    norm: np.ndarray  # (P, N, T) ||dL/ds_t||, L the loss at the verb of that sentence alone: total derivatives, nothing clipped
    names: list[str]  # of `values`: the parts of the state, then gates and candidates
    units: np.ndarray  # (U,) which of the H units
    values: np.ndarray  # (len(names), N, T, U) activations, 0 where a unit is switched off
    diverged: int  # training step at which the network became NaN (its last sound weights are used), or -1
