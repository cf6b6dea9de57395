"""Adding: the sum of two marked numbers of a stream (Hochreiter & Schmidhuber 1997).

As Le, Jaitly & Hinton 2015 posed it, and most papers since. Pascanu, Mikolov & Bengio 2013 ask for the mean: adding.py.
"""

from __future__ import annotations

from rnnkit.tasks.two_numbers import TwoNumbers


class AddingSum(TwoNumbers):
    """The target is u + v. The best constant answer is 1, with the squared error Var(u + v) = 1/6 = .167.

    Correct if the squared error is at most .04, which is |error| <= .2: the rule of all tasks over numbers. Le et al. report the
    squared error alone. Hochreiter & Schmidhuber demand an absolute error below .04 of the target .5 + (X1 + X2) / 4 for numbers
    in [-1, 1], which is .08 of this sum. Simplification: the marks stand in the windows of Pascanu et al., see TwoNumbers.
    """

    title = "adding, the sum"
    about = (
        "Two numbers of a long stream are marked; the network must give their sum at the end, as in Le et al. 2015. "
        "The best constant answer has a squared error of 1/6."
    )
    guess = 1.0
    guess_loss = 1 / 6  # Var(u + v)
    chance = 0.36  # P(|u + v - 1| < .2) = 1 - .8^2

    def combine(self, u, v):
        return u + v
