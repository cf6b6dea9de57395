"""The minimal gated recurrent unit: a linear recurrence whose gate sees the input alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rnnkit.engine.cells.base import LEARNT, HiddenState, Params
from rnnkit.engine.cells.one_path import OnePath

if TYPE_CHECKING:
    from torch import Tensor

MODULE = '''\
class MinGruCell(nn.Module):
    """torch.nn has no such cell: gate and candidate of the input alone."""

    def forward(self, x, h):
        z, g = F.linear(x, self.weight_ih, self.bias_ih).chunk(2, -1)
        return torch.lerp(g, h, torch.sigmoid(z))


'''


class MinGruSaved(NamedTuple):
    """What the forward step works on and saves. z and g are views of the halves of a."""

    a: Tensor  # (R, B, 2 H): a_z, g; after the step z, g
    z: Tensor  # (R, B, H), as the next
    g: Tensor


class MinGruPartials(NamedTuple):
    """dh/da_z, dh/dg after `partials`, dL/da_z, dL/dg after `backward`."""

    da: Tensor  # (R, B, 2, H): both in one view
    da_z: Tensor  # (R, B, H), as the next
    dg: Tensor


class MinGru(OnePath[MinGruSaved, MinGruPartials]):
    """minGRU (Feng et al. 2024, "Were RNNs all we needed?"): a GRU whose gate and candidate do not see h_{t-1}.

    z = sigma(a_z);  h_t = z h_{t-1} + (1 - z) g, from the columns a_z, g of x_t W_in + b. There is no W_rec. z = 1 copies the
    state, as in torch.nn.GRU; the paper's z is 1 - z here. The Jacobian is diag(z), so dL/dh_t = dL/dh_T z_{t+1} ... z_T exactly.
    """

    title = "minGRU"
    Saved, Partials = MinGruSaved, MinGruPartials
    gates = 2
    gate_names = ("update gate", "candidate")
    forget_gate = 0
    recurrent = False
    fields = (*LEARNT, "bias")
    suited = (("lr", 0.01), ("bias", "chrono"))
    not_in_panels = "as a GRU, with a gate that does not see the state"
    columns = ("a_z", "g")
    equations = (("z", "sigmoid(a_z)"), ("h", "z * h_prev + (1 - z) * g"))
    derivatives = (("da_z", "dh * (h_prev - g) * z * (1 - z)"), ("dg", "dh * (1 - z)"))
    direct_terms = (("h", "dh * z"),)
    torch_cell = "MinGruCell()"
    torch_class = MODULE

    def forward_views(self, *arrays: Tensor) -> MinGruSaved:
        """From a (T, R, B, 2 H)."""
        (a,) = arrays
        return MinGruSaved(a, *a.chunk(2, -1))

    def forward(self, p: Params, saved: MinGruSaved, s_prev: HiddenState, s: HiddenState) -> None:
        """h = z h_{t-1} + (1 - z) g with z = sigma(a_z), (R, B, H)."""
        import torch

        torch.lerp(saved.g, s_prev.h, saved.z.sigmoid_(), out=s.h)

    def partials(self, p: Params, saved: MinGruSaved, s_prev: HiddenState, s: HiddenState, d: MinGruPartials) -> None:
        """The derivatives of h with h_{t-1} held; (steps, R, B, H) each.

        dh/da_z = (h_{t-1} - g) z (1 - z)
        dh/dg = 1 - z
        """
        import torch

        torch.sub(1, saved.z, out=d.dg)
        torch.sub(s_prev.h, saved.g, out=d.da_z).mul_(saved.z).mul_(d.dg)
