"""Variants that the project does not know: a cell, two remedies, an initialization, an optimizer and a task."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from rnnkit.engine.cells.base import TRAINED, Cell, HiddenState
from rnnkit.engine.fixes.base import ActivationFix, GradientFix
from rnnkit.engine.fixes.torch_names import TORCH_NAMES
from rnnkit.engine.optim.base import Optimizer
from rnnkit.fields import FloatField, setting
from rnnkit.tasks.base import Batch, Classes


class Saved(NamedTuple):
    a: Tensor
    f: Tensor
    a_g: Tensor
    g: Tensor


class Partials(NamedTuple):
    da: Tensor
    da_f: Tensor
    da_g: Tensor


class Leaky(Cell[HiddenState, Saved, Partials]):
    """f = sigma(a_f);  g = tanh(a_g);  h_t = f h_{t-1} + (1 - f) g."""

    title = "Leaky cell"
    Saved, Partials = Saved, Partials
    gates = 2
    gate_names = ("leaky gate", "candidate")
    forget_gate = 0
    fields = (*TRAINED, "bias")
    suited = (("lr", 0.02), ("bias", "chrono"))
    not_in_panels = "stands in a test"
    n_saved = 1
    columns = ("a_f", "a_g")
    equations = (("f", "sigmoid(a_f)"), ("g", "tanh(a_g)"), ("h", "f * h_prev + (1 - f) * g"))
    derivatives = (("da_f", "dh * (h_prev - g) * f * (1 - f)"), ("da_g", "dh * (1 - f) * (1 - g * g)"))
    direct_terms = (("h", "dh * f"),)
    torch_cell = "LeakyCell(INPUTS, HIDDEN, True, 2)"
    torch_class = '''\
class LeakyCell(nn.modules.rnn.RNNCellBase):
    """A forget gate and a candidate."""

    def forward(self, x, h):
        f, g = (F.linear(x, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh)).chunk(2, -1)
        return torch.lerp(torch.tanh(g), h, torch.sigmoid(f))


'''

    def forward_views(self, a, g):
        return Saved(a, *a.chunk(2, -1), g)

    def backward_views(self, da):
        return Partials(da, *da.chunk(2, -1))

    def forward(self, p, saved, s_prev, s):
        saved.g.copy_(saved.a_g).tanh_()
        saved.f.sigmoid_()
        torch.lerp(saved.g, s_prev.h, saved.f, out=s.h)

    def partials(self, p, saved, s_prev, s, d):
        d.da_f.copy_((s_prev.h - saved.g) * saved.f * (1 - saved.f))
        d.da_g.copy_((1 - saved.f) * (1 - saved.g**2))

    def backward(self, p, saved, d, ds, ds_prev):
        d.da_f.mul_(ds.h)
        d.da_g.mul_(ds.h)
        torch.mul(ds.h, saved.f, out=ds_prev.h)


@dataclass(frozen=True)
class Slower(GradientFix):
    """Multiplies dL/dW_rec by a factor."""

    factor: float = setting(FloatField, 0.5, low=0.0, high=1.0, above=True)
    name = "slower"
    title = "Slower recurrence"
    about = "Makes the recurrent weights learn more slowly."
    floats_per_unit = 7
    not_in_panels = "stands in a test"

    def __call__(self, grads, tape, params):
        return {**grads, "W_rec": self.factor * grads["W_rec"]}

    def torch_lines(self, cell, frozen):
        return f"{TORCH_NAMES['W_rec']}.grad *= {self.factor!r}"


@dataclass(frozen=True)
class Lower(ActivationFix):
    """alpha times the sum of all states."""

    alpha: float = setting(FloatField, 0.5, low=0.0, high=1.0, above=True)
    name = "lower"
    title = "Lower states"
    about = "Adds this times the sum of the states to the loss."
    not_in_panels = "stands in a test"

    def __call__(self, h, begun):
        return self.alpha * begun.expand_as(h)

    def torch_lines(self, cell, frozen):
        return f"penalty = penalty + {self.alpha!r} * h.sum()"


def alternating(rng: np.random.Generator, fan_in: int, fan_out: int, gain: float) -> np.ndarray:
    """gain on the diagonal, with changing signs."""
    return gain * np.eye(fan_in, fan_out) * (-1) ** np.arange(fan_out)


class HalfSteps(Optimizer):
    """lr g / 2"""

    title = "Half steps"
    torch_optimizer = "torch.optim.SGD(network.parameters(), lr=LR / 2)"

    def step(self, g, memory, lr, n):
        return lr / 2 * g


class First(Classes):
    """The first symbol is asked at the end."""

    title = "first symbol"
    about = "Was the first of many symbols an A or a B?"
    evidence_name = "A or B"
    n_in, n_out = 6, 2
    min_length = 4

    def sample(self, length, n, rng):
        x = rng.integers(2, 6, (length, n))
        x[0] = rng.integers(0, 2, n)
        return Batch(x, x[:1].copy())

    def labels(self, x):
        return ["ABcdef"[i] for i in x]

    def answer(self, y):
        return "AB"[int(y[-1])]
