"""Latch: a class is given at the start, noise follows, and the class is asked at the end (Bengio, Simard & Frasconi 1994).

As Hochreiter & Schmidhuber 1997 posed the 2-sequence problem (their experiment 3a).
"""

from __future__ import annotations

import numpy as np

from rnnkit.tasks.base import Batch, Classes


class Latch(Classes):
    """Three inputs +1 or three inputs -1 with equal chance, then T - 3 numbers from N(0, .2), where .2 is the variance.

    The sign of the sum of all inputs is right in Phi(3 / sqrt(.2 (T - 3))) of the sequences, with Phi the normal distribution:
    95 % at T = 20, 75 % at T = 100. Simplifications: `length` is the exact number of inputs T, which the paper draws from
    [T, 1.1 T], and the two classes are two outputs; the paper has one output of 1 or 0, right within .2. In the latch problem
    of Bengio et al. the first inputs are trained, too.
    """

    title = "latch under noise"
    about = "Three inputs are +1 or -1, and noise follows: the network must give their sign at the end."
    evidence_name = "first input"
    n_in, n_out = 1, 2
    finite = False
    class_steps = 3
    noise_variance = 0.2
    min_length = class_steps + 2

    def sample(self, length: int, n: int, rng: np.random.Generator) -> Batch:
        x = rng.normal(0, self.noise_variance**0.5, (length, n, 1))
        y = rng.integers(0, 2, (1, n))
        x[: self.class_steps] = 2 * y[..., None] - 1
        return Batch(x, y)

    def landmarks(self, x: np.ndarray) -> list[int]:
        return list(range(self.class_steps))

    def labels(self, x: np.ndarray) -> list[str]:
        return [f"{v:+.1f}" for (v,) in x]

    def answer(self, y: np.ndarray) -> str:
        return ("-1", "+1")[int(y[-1])]
