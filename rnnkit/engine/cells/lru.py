"""The linear recurrent unit: a diagonal complex recurrence whose eigenvalues are drawn on a ring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rnnkit.engine.cells.base import LEARNT, Cell, Params

if TYPE_CHECKING:
    from torch import Tensor


def ring(rng, units, r_min, r_max):
    """nu, theta with |lambda| = exp(-exp(nu)) uniform on the area of the ring and phase exp(theta) in (0, 2 pi), and |lambda|."""
    r = np.sqrt(rng.uniform(r_min**2, r_max**2, units).clip(1e-12, 1 - 1e-12))
    return np.log(-np.log(r)), np.log(rng.uniform(1e-12, 2 * np.pi, units)), r


DRAWN = """\
nu, theta, r = ring(stream(seed, $OWN), HIDDEN, R_MIN, R_MAX)
W_in *= np.tile(np.sqrt(1 - r**2), 2)  # then the size of the state does not depend on r
"""
MODULE = '''\
class LruCell(nn.Module):
    """torch.nn has no such cell: h and im are the real and the imaginary part of one complex number a unit."""

    def forward(self, x, s):
        eigenvalue = torch.exp(torch.complex(-torch.exp(self.nu), torch.exp(self.theta)))
        a = F.linear(x, self.weight_ih, self.bias_ih).chunk(2, -1)
        s = eigenvalue * torch.complex(*s) + torch.complex(*a)
        return s.real, s.imag


'''


class LruState(NamedTuple):
    """Real and imaginary part of s_t, and their gradients dL/ds_t; (R, B, H) each."""

    h: Tensor
    im: Tensor


class LruSaved(NamedTuple):
    """What the forward step works on. a_h and a_im are views of the halves of a."""

    a: Tensor  # (R, B, 2 H)
    a_h: Tensor  # (R, B, H), as the next
    a_im: Tensor


class LruPartials(NamedTuple):
    """dL/da_h, dL/da_im after `backward`: views of the halves of da."""

    da: Tensor  # (R, B, 2 H)
    da_h: Tensor  # (R, B, H), as the next
    da_im: Tensor


class Lru(Cell[LruState, LruSaved, LruPartials]):
    """LRU (Orvieto et al. 2023): s_t = lambda s_{t-1} + x_t W_in + b in complex numbers, one lambda a unit.

    lambda = exp(-exp(nu) + i exp(theta)), so |lambda| < 1 whatever nu is. h = Re s, im = Im s. The columns of W_in and b are the
    real and the imaginary parts. W_in is drawn with the factor sqrt(1 - |lambda|^2). The Jacobian is diag(lambda): it has no
    input in it, and neither has the gradient. The readout is linear in h = Re s, where the paper has a network behind it.
    """

    title = "LRU"
    State, Saved, Partials = LruState, LruSaved, LruPartials
    gates = 2
    gate_names = ("real part", "imaginary part")
    memory = 0
    recurrent = False
    own_weights = ("nu", "theta")
    fields = (*LEARNT, "r_min", "r_max")
    suited = (("lr", 0.01), ("r_min", 0.9))
    not_in_panels = "its initialization is a ring of eigenvalues"
    columns = ("a_h", "a_im")
    equations = (
        ("l_re", "exp(-exp(nu)) * cos(exp(theta))"),
        ("l_im", "exp(-exp(nu)) * sin(exp(theta))"),
        ("h", "l_re * h_prev - l_im * im_prev + a_h"),
        ("im", "l_im * h_prev + l_re * im_prev + a_im"),
    )
    derivatives = (("da_h", "dh"), ("da_im", "dim"))
    direct_terms = (("h", "dh * l_re + dim * l_im"), ("im", "dim * l_re - dh * l_im"))
    own_terms = (
        ("nu", "-exp(nu) * (dh * (l_re * h_prev - l_im * im_prev) + dim * (l_im * h_prev + l_re * im_prev))"),
        ("theta", "exp(theta) * (dim * (l_re * h_prev - l_im * im_prev) - dh * (l_im * h_prev + l_re * im_prev))"),
    )
    torch_cell = "LruCell()"
    torch_class = MODULE
    torch_own_weights = DRAWN
    draws = (ring,)

    def draw(self, e: Any, rng: np.random.Generator, drawn: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """nu and theta of the ring, and W_in with its factor."""
        nu, theta, r = ring(rng, e.hidden, e.r_min, e.r_max)
        return {"nu": nu[None], "theta": theta[None], "W_in": drawn["W_in"] * np.tile(np.sqrt(1 - r**2), 2)}

    def derived(self, p: Params) -> Params:
        """Adds l_re and l_im, the real and the imaginary part of lambda, (R, 1, H) each."""
        r, phase = p["nu"].exp().neg().exp(), p["theta"].exp()
        return {**p, "l_re": r * phase.cos(), "l_im": r * phase.sin()}

    def forward_views(self, *arrays: Tensor) -> LruSaved:
        """From a (T, R, B, 2 H)."""
        (a,) = arrays
        return LruSaved(a, *a.chunk(2, -1))

    def forward(self, p: Params, saved: LruSaved, s_prev: LruState, s: LruState) -> None:
        """s = lambda s_{t-1} + a in complex numbers; (R, B, H) each."""
        import torch

        torch.addcmul(saved.a_h, p["l_re"], s_prev.h, out=s.h).addcmul_(p["l_im"], s_prev.im, value=-1)
        torch.addcmul(saved.a_im, p["l_im"], s_prev.h, out=s.im).addcmul_(p["l_re"], s_prev.im)

    def backward_views(self, *arrays: Tensor) -> LruPartials:
        """From da (T, R, B, 2 H)."""
        (da,) = arrays
        return LruPartials(da, *da.chunk(2, -1))

    def partials(self, p: Params, saved: LruSaved, s_prev: LruState, s: LruState, d: LruPartials) -> None:
        """Nothing: ds/da is 1."""

    def backward(self, p: Params, saved: LruSaved, d: LruPartials, ds: LruState, ds_prev: LruState) -> None:
        """dL/da = ds,  ds_{t-1} = ds times the conjugate of lambda; (R, B, H) each."""
        import torch

        d.da_h.copy_(ds.h)
        d.da_im.copy_(ds.im)
        torch.mul(ds.h, p["l_re"], out=ds_prev.h).addcmul_(ds.im, p["l_im"])
        torch.mul(ds.im, p["l_re"], out=ds_prev.im).addcmul_(ds.h, p["l_im"], value=-1)

    def own_gradients(
        self, p: Params, saved: LruSaved, s_prev: LruState, s: LruState, d: LruPartials, ds: LruState
    ) -> dict[str, Tensor]:
        """The sums over time and batch of own_terms, (R, 1, H) each."""

        def total(a: Tensor, b: Tensor) -> Tensor:
            return (a * b).sum((0, 2)).unsqueeze(1)

        along = total(ds.h, s_prev.h) + total(ds.im, s_prev.im)
        across = total(ds.im, s_prev.h) - total(ds.h, s_prev.im)
        to_nu, to_theta = p["l_re"] * along + p["l_im"] * across, p["l_re"] * across - p["l_im"] * along
        return {"nu": -p["nu"].exp() * to_nu, "theta": p["theta"].exp() * to_theta}
