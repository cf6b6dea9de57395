"""Gated linear recurrences: a decay of the input alone, in (0, 1) or in (-1, 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rnnkit.engine.cells.base import LEARNT, HiddenState, Params
from rnnkit.engine.cells.one_path import OnePath

if TYPE_CHECKING:
    from torch import Tensor

MODULE = '''\
class GatedLinearCell(nn.Module):
    """torch.nn has no such cell: decay and new value of the input alone."""

    def forward(self, x, h):
        a, v = F.linear(x, self.weight_ih, self.bias_ih).chunk(2, -1)
        return torch.sigmoid(a) * h + v


'''


class GatedLinearSaved(NamedTuple):
    """What the forward step works on and saves. decay and v are views of the halves of a."""

    a: Tensor  # (R, B, 2 H): a_lambda, v; after the step lambda, v
    decay: Tensor  # (R, B, H), as the next
    v: Tensor


class GatedLinearPartials(NamedTuple):
    """dh/da_lambda, dh/dv after `partials`, dL/da_lambda, dL/dv after `backward`."""

    da: Tensor  # (R, B, 2, H): both in one view
    da_lam: Tensor  # (R, B, H), as the next
    dv: Tensor


class GatedLinear(OnePath[GatedLinearSaved, GatedLinearPartials]):
    """h_t = lambda_t h_{t-1} + v_t (Grazzi et al. 2025, "Unlocking state-tracking in linear RNNs through negative eigenvalues").

    lambda = sigma(a_lambda) in (0, 1), from the columns a_lambda, v of x_t W_in + b. There is no W_rec. The Jacobian is
    diag(lambda), so dL/dh_t = dL/dh_T lambda_{t+1} ... lambda_T exactly.
    """

    title = "gated linear, decay in (0, 1)"
    Saved, Partials = GatedLinearSaved, GatedLinearPartials
    gates = 2
    gate_names = ("decay", "candidate")
    forget_gate = 0
    recurrent = False
    fields = (*LEARNT, "bias")
    suited = (("lr", 0.01), ("bias", "chrono"))
    not_in_panels = "as minGRU, with a new value that the gate does not weigh"
    columns = ("a_lam", "v")
    equations = (("lam", "sigmoid(a_lam)"), ("h", "lam * h_prev + v"))
    saved_as = (("decay", "lam"),)
    derivatives = (("da_lam", "dh * h_prev * lam * (1 - lam)"), ("dv", "dh"))
    direct_terms = (("h", "dh * lam"),)
    torch_cell = "GatedLinearCell()"
    torch_class = MODULE
    low: ClassVar[float] = 0  # lambda = low + (1 - low) sigma(a_lambda)

    def forward_views(self, *arrays: Tensor) -> GatedLinearSaved:
        """From a (T, R, B, 2 H)."""
        (a,) = arrays
        return GatedLinearSaved(a, *a.chunk(2, -1))

    def forward(self, p: Params, saved: GatedLinearSaved, s_prev: HiddenState, s: HiddenState) -> None:
        """h = lambda h_{t-1} + v with lambda = low + (1 - low) sigma(a_lambda), (R, B, H)."""
        import torch

        saved.decay.sigmoid_().mul_(1 - self.low).add_(self.low)
        torch.addcmul(saved.v, saved.decay, s_prev.h, out=s.h)

    def partials(self, p: Params, saved: GatedLinearSaved, s_prev: HiddenState, s: HiddenState, d: GatedLinearPartials) -> None:
        """The derivatives of h with h_{t-1} held; (steps, R, B, H) each.

        dh/da_lambda = h_{t-1} (lambda - low) (1 - lambda) / (1 - low)
        dh/dv = 1
        """
        import torch

        torch.sub(saved.decay, self.low, out=d.da_lam).mul_(1 - saved.decay).mul_(s_prev.h).div_(1 - self.low)
        d.dv.fill_(1)


class SignedGatedLinear(GatedLinear):
    """The same with lambda = 2 sigma(a_lambda) - 1 in (-1, 1): a time step can turn the sign of the state (Grazzi et al. 2025).

    lambda = -1, v = 1 is h_t = 1 - h_{t-1}: from 0 the parity of the steps, exactly.
    """

    title = "gated linear, decay in (-1, 1)"
    signed_gate = True
    not_in_panels = "as minGRU, with a decay that can be negative"
    equations = (("lam", "2 * sigmoid(a_lam) - 1"), ("h", "lam * h_prev + v"))
    derivatives = (("da_lam", "dh * h_prev * (1 + lam) * (1 - lam) / 2"), ("dv", "dh"))
    torch_cell = "GatedLinearCell()"
    torch_class = MODULE.replace("torch.sigmoid(a)", "(2 * torch.sigmoid(a) - 1)")
    low = -1
