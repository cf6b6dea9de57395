"""Adding: the mean of two marked numbers of a stream (Hochreiter & Schmidhuber 1997).

As Pascanu, Mikolov & Bengio 2013 posed it. Most papers since ask for the sum instead: adding_sum.py.
"""

from __future__ import annotations

from rnnkit.tasks.two_numbers import TwoNumbers


class Adding(TwoNumbers):
    title = "adding, the mean"
    about = (
        "Two numbers of a long stream are marked; the network must give their mean at the end, as in Pascanu et al. 2013. "
        "The best constant answer has a squared error of 1/24."
    )
    guess = 0.5
    guess_loss = 1 / 24  # Var((u + v) / 2)
    chance = 0.64  # P(|(u + v) / 2 - 1/2| < .2) = 1 - .6^2

    def combine(self, u, v):
        return (u + v) / 2
