"""The minimal LSTM: a linear recurrence whose two gates see the input alone and sum to 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rnnkit.engine.cells.base import LEARNT, HiddenState, Params
from rnnkit.engine.cells.one_path import OnePath

if TYPE_CHECKING:
    from torch import Tensor

MODULE = '''\
class MinLstmCell(nn.Module):
    """torch.nn has no such cell: gates and candidate of the input alone, f / (f + i) from logarithms."""

    def forward(self, x, h):
        a_f, a_i, g = F.linear(x, self.weight_ih, self.bias_ih).chunk(3, -1)
        return torch.lerp(g, h, torch.sigmoid(F.logsigmoid(a_f) - F.logsigmoid(a_i)))


'''


class MinLstmSaved(NamedTuple):
    """What the forward step works on and saves. f_norm, i and g are views of the thirds of a."""

    a: Tensor  # (R, B, 3 H): a_f, a_i, g; after the step f / (f + i), i, g
    f_norm: Tensor  # (R, B, H), as the next
    i: Tensor
    g: Tensor
    f: Tensor


class MinLstmPartials(NamedTuple):
    """dh/da_f, dh/da_i, dh/dg after `partials`, dL/da_f, dL/da_i, dL/dg after `backward`."""

    da: Tensor  # (R, B, 3, H): all in one view
    da_f: Tensor  # (R, B, H), as the next
    da_i: Tensor
    dg: Tensor


class MinLstm(OnePath[MinLstmSaved, MinLstmPartials]):
    """minLSTM (Feng et al. 2024, "Were RNNs all we needed?"): an LSTM whose gates do not see h_{t-1}, normalized to sum to 1.

    f, i = sigma(a_f), sigma(a_i);  f' = f / (f + i);  i' = i / (f + i);  h_t = f' h_{t-1} + i' g, from the columns a_f, a_i, g of
    x_t W_in + b. There is no W_rec. f' in (0, 1) is computed as sigma(log f - log i), which holds where f + i underflows. The
    Jacobian is diag(f'), so dL/dh_t = dL/dh_T f'_{t+1} ... f'_T exactly.
    """

    title = "minLSTM"
    Saved, Partials = MinLstmSaved, MinLstmPartials
    gates = 3
    gate_names = ("forget gate", "input gate", "candidate")
    forget_gate, input_gate = 0, 1
    recurrent = False
    fields = (*LEARNT, "bias")
    suited = (("lr", 0.01), ("bias", "chrono"))
    not_in_panels = "as an LSTM, with gates that do not see the state"
    n_saved = 1  # f
    columns = ("a_f", "a_i", "g")
    equations = (
        ("f", "sigmoid(a_f)"),
        ("i", "sigmoid(a_i)"),
        ("f_norm", "sigmoid(logsigmoid(a_f) - logsigmoid(a_i))"),
        ("h", "f_norm * h_prev + (1 - f_norm) * g"),
    )
    derivatives = (
        ("da_f", "dh * (h_prev - g) * f_norm * (1 - f_norm) * (1 - f)"),
        ("da_i", "dh * (g - h_prev) * f_norm * (1 - f_norm) * (1 - i)"),
        ("dg", "dh * (1 - f_norm)"),
    )
    direct_terms = (("h", "dh * f_norm"),)
    torch_cell = "MinLstmCell()"
    torch_class = MODULE

    def forward_views(self, *arrays: Tensor) -> MinLstmSaved:
        """From a (T, R, B, 3 H) and f (T, R, B, H)."""
        a, f = arrays
        f_norm, i, g = a.chunk(3, -1)
        return MinLstmSaved(a, f_norm, i, g, f)

    def forward(self, p: Params, saved: MinLstmSaved, s_prev: HiddenState, s: HiddenState) -> None:
        """h = f' h_{t-1} + (1 - f') g with f' = sigma(log sigma(a_f) - log sigma(a_i)), (R, B, H)."""
        import torch
        from torch.nn.functional import logsigmoid

        log_ratio = logsigmoid(saved.f_norm) - logsigmoid(saved.i)
        torch.sigmoid(saved.f_norm, out=saved.f)
        saved.i.sigmoid_()
        torch.lerp(saved.g, s_prev.h, torch.sigmoid(log_ratio, out=saved.f_norm), out=s.h)

    def partials(self, p: Params, saved: MinLstmSaved, s_prev: HiddenState, s: HiddenState, d: MinLstmPartials) -> None:
        """The derivatives of h with h_{t-1} held; (steps, R, B, H) each.

        dh/da_f = (h_{t-1} - g) f' (1 - f') (1 - f)
        dh/da_i = -(h_{t-1} - g) f' (1 - f') (1 - i)
        dh/dg = 1 - f'
        """
        import torch

        torch.sub(1, saved.f_norm, out=d.dg)
        both = torch.sub(s_prev.h, saved.g).mul_(saved.f_norm).mul_(d.dg)
        torch.addcmul(both, both, saved.f, value=-1, out=d.da_f)
        torch.addcmul(-both, both, saved.i, out=d.da_i)
