"""The tanh cell with a short cut through time."""

from __future__ import annotations

from rnnkit.engine.cells.tanh import Tanh

MODULE = '''\
class SkipCell(nn.RNNCell):
    """torch.nn has no such cell: its RNNCell, and a matrix for the state of SKIP steps ago."""

    def forward(self, x, h, earlier):
        a = F.linear(x, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh)
        if len(earlier) >= SKIP:
            a = a + F.linear(earlier[-SKIP], self.W_skip)
        return torch.tanh(a)


'''


class Skip(Tanh):
    """h_t = tanh(a_t),  a_t = x_t W_in + h_{t-1} W_rec + h_{t-k} W_skip + b: a connection over k steps (Zhang et al. 2016).

    The states before the first step are 0. Over d steps back the shortest way has d // k + d % k factors instead of d.
    Lin, Horne, Tino & Giles (1996) have such delays in NARX networks, El Hihi & Bengio (1995) in a hierarchy of time scales.
    """

    title = "tanh with a connection over k steps"
    max_slope = None  # a path past a step needs no slope of it
    second_product = "h"
    lag = 6
    not_in_panels = "another cell, not a remedy for the one at hand"
    torch_cell = "SkipCell(INPUTS, HIDDEN)"
    torch_class = MODULE
