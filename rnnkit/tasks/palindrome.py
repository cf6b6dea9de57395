"""Palindrome: the last digit of a palindrome is its first one.

An assignment of the Deep Learning course of the University of Amsterdam (2018, `PalindromeDataset`), set by other courses since:
a plain network and an LSTM, and the accuracy of each against the length.
"""

from __future__ import annotations

import numpy as np

from rnnkit.tasks.base import Batch, Classes


class Palindrome(Classes):
    """The inputs are all digits but the last of a palindrome of T + 1 digits 0 to 9; the target of the last step is that digit.

    x_t = x_{T-t} for 0 < t < T, and y = x_0. The first half is uniform, so y is independent of the other inputs, and a guesser
    has 1/10. T is the assignment's `input_length`. Simplification: digits are one-hot; the assignment begins with one number.

    The digits between come in pairs, but for the middle one. Counting each digit modulo 2 gives y for an odd T without its
    place. No network is expected to find that.
    """

    title = "palindrome"
    about = "All digits of a palindrome but the last one, which is the first digit once more: the network must give it."
    evidence_name = "first digit"
    n_in = n_out = 10
    min_length = 5

    def sample(self, length: int, n: int, rng: np.random.Generator) -> Batch:
        half = rng.integers(0, 10, (length // 2 + 1, n))
        x = np.concatenate([half, half[1 : (length + 1) // 2][::-1]])
        return Batch(x, x[:1].copy())
