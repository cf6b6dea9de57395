"""Multiplication: the product of two marked numbers of a stream (Hochreiter & Schmidhuber 1997)."""

from __future__ import annotations

import math

from rnnkit.tasks.two_numbers import TwoNumbers


class Multiplication(TwoNumbers):
    title = "multiplication"
    about = "Two numbers of a long stream are marked; the network must give their product at the end."
    guess = 0.2
    guess_loss = 1 / 9 - 1 / 16  # Var(u v), where the guess is 1/4
    chance = 0.4 - 0.4 * math.log(0.4)  # P(u v < .4), the guess is .2: the density -ln z falls, so the best interval starts at 0

    def combine(self, u, v):
        return u * v
