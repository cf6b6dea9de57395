"""The tanh cell with a connection over several time steps."""

from __future__ import annotations

from rnnkit.engine.cells.tanh import Tanh

STEPS = 6  # k: from the subject to the verb of 8 words it is one connection, of 50 words 8

MODULE = '''\
class SkipCell(nn.RNNCell):
    """torch.nn has no such cell: its RNNCell, and a matrix for an earlier state."""

    def forward(self, x, h, earlier):
        a = F.linear(x, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh) + F.linear(earlier, self.W_skip)
        return torch.tanh(a)


'''


class Skip(Tanh):
    """h_t = tanh(a_t),  a_t = x_t W_in + h_{t-1} W_rec + h_{t-k} W_skip + b, with k = 6 and the states before the first step 0.

    A gradient can go back d steps through d // k + d % k factors instead of d (Zhang et al. 2016 call k the skip coefficient).
    Such delays are those of NARX networks (Lin et al. 1996), and of El Hihi & Bengio's (1995) longer time scales.
    """

    title = "tanh with a connection over 6 steps"
    max_slope = None  # a way past a step does not depend on its slope
    second_product = "h"
    lag = STEPS
    not_in_panels = "another cell, not a remedy for the one at hand"
    torch_cell = "SkipCell(INPUTS, HIDDEN)"
    torch_class = MODULE
