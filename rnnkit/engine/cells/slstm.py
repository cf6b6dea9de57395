"""The sLSTM of xLSTM: an exponential input gate, a normalizer, and a stabilizer against their overflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from rnnkit.engine.cells.base import TRAINED, Cell, Equation, Params

if TYPE_CHECKING:
    from torch import Tensor

STABILIZED = '''\
class SLstmCell(nn.RNNCellBase):
    """torch.nn has no such cell. The stabilizer m cancels in c / n: its derivative is left out."""

    def forward(self, x, state):
        h, m, n, c = state
        a_i, a_f, a_z, a_o = (F.linear(x, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh)).chunk(4, -1)
        from_m = F.logsigmoid(a_f) + m.detach()
        m = torch.where(n > 0, torch.maximum(from_m, a_i), a_i)
        i, f = torch.exp(a_i - m.detach()), torch.exp((from_m - m.detach()).clamp(max=0))
        c, n = f * c + i * torch.tanh(a_z), f * n + i
        return torch.sigmoid(a_o) * c / n, m, n, c


'''
UNSTABILIZED = '''\
class SLstmCell(nn.RNNCellBase):
    """torch.nn has no such cell: an exponential input gate and a normalizer, without stabilizer."""

    def forward(self, x, state):
        h, n, c = state
        a_i, a_f, a_z, a_o = (F.linear(x, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh)).chunk(4, -1)
        i, f = torch.exp(a_i), torch.sigmoid(a_f)
        c, n = f * c + i * torch.tanh(a_z), f * n + i
        return torch.sigmoid(a_o) * c / n, n, c


'''


class NormalizedState(NamedTuple):
    """s_t, and its gradient dL/ds_t; (R, B, H) each."""

    h: Tensor
    n: Tensor
    c: Tensor


class StabilizedState(NamedTuple):
    """s_t, and its gradient dL/ds_t, of which m's is 0; (R, B, H) each."""

    h: Tensor
    m: Tensor
    n: Tensor
    c: Tensor


class SLstmSaved(NamedTuple):
    """What the forward step works on and saves. i, f, z and o are views of the quarters of a."""

    a: Tensor  # (R, B, 4 H): a_i, a_f, a_z, a_o; after the step i, f, z, o
    i: Tensor  # (R, B, H), as all that follow
    f: Tensor
    z: Tensor
    o: Tensor
    shut: Tensor  # 1 - sigma(a_f)


class SLstmPartials(NamedTuple):
    """da_i ... da_o are dc/da_i, dc/da_f, dc/da_z, dh/da_o after `partials`, and dL/da_i ... dL/da_o after `backward`."""

    da_ifz: Tensor  # (R, B, 3, H): da_i, da_f, da_z in one view
    da_i: Tensor  # (R, B, H), as all that follow
    da_f: Tensor
    da_z: Tensor
    da_o: Tensor
    dn_da_f: Tensor
    dh_dn: Tensor
    dh_dc: Tensor


class UnstabilizedSLstm(Cell[Any, SLstmSaved, SLstmPartials]):
    """sLSTM without its stabilizer (Beck et al. 2024, "xLSTM", equations 8 to 14): it overflows where a_i is large.

    i = exp(a_i);  f, o = sigma(a_f), sigma(a_o);  z = tanh(a_z);  n_t = f n_{t-1} + i;  c_t = f c_{t-1} + i z;
    h_t = o c_t / n_t. Columns of W_in, W_rec, b: i, f, z, o. In float32 i is inf from a_i = 88.8 on, and h NaN. dL/dn_t and
    dL/dc_t are total derivatives: they include the path through h_t.
    """

    title = "sLSTM without stabilizer"
    State: ClassVar[type[Any]] = NormalizedState
    Saved, Partials = SLstmSaved, SLstmPartials
    gates = 4
    gate_names = ("input gate", "forget gate", "cell candidate", "output gate")
    input_gate, forget_gate = 0, 1
    fields = (*TRAINED, "bias")
    suited = (("lr", 0.01), ("bias", "chrono"))
    not_in_panels = "as sLSTM, where nothing overflows"
    n_saved = 1  # shut
    n_partials = 3  # dn_da_f, dh_dn, dh_dc
    columns = ("a_i", "a_f", "a_z", "a_o")
    equations: ClassVar[tuple[Equation, ...]] = (
        ("i", "exp(a_i)"),
        ("f", "sigmoid(a_f)"),
        ("z", "tanh(a_z)"),
        ("o", "sigmoid(a_o)"),
        ("n", "f * n_prev + i"),
        ("c", "f * c_prev + i * z"),
        ("h", "o * c / n"),
    )
    saved_as = (("shut", "sigmoid(-a_f)"),)
    derivatives = (
        (
            "dn",
            "dn - dh * h / nonzero(n)",
        ),  # what comes from the next step, and the path through h; n is 0 before a sequence begins
        ("dc", "dc + dh * o / nonzero(n)"),
        ("da_i", "(dn + dc * z) * i"),
        ("da_f", "(dn * n_prev + dc * c_prev) * f * sigmoid(-a_f)"),
        ("da_z", "dc * i * (1 - z * z)"),
        ("da_o", "dh * h * (1 - o)"),
    )
    direct_terms = (("n", "dn * f"), ("c", "dc * f"))
    torch_cell = "SLstmCell(INPUTS, HIDDEN, bias=True, num_chunks=4)"
    torch_class = UNSTABILIZED

    def forward_views(self, *arrays: Tensor) -> SLstmSaved:
        """From a (T, R, B, 4 H) and shut (T, R, B, H)."""
        a, shut = arrays
        i, f, z, o = a.chunk(4, -1)
        return SLstmSaved(a, i, f, z, o, shut)

    def forward(self, p: Params, saved: SLstmSaved, s_prev: Any, s: Any) -> None:
        """n = f n_{t-1} + i,  c = f c_{t-1} + i tanh(a_z),  h = sigma(a_o) c / n; (R, B, H) each."""
        import torch

        torch.neg(saved.f, out=saved.shut).sigmoid_()
        self.open_gates(saved, s_prev, s)
        saved.z.tanh_()
        saved.o.sigmoid_()
        torch.addcmul(saved.i, saved.f, s_prev.n, out=s.n)
        torch.mul(saved.f, s_prev.c, out=s.c).addcmul_(saved.i, saved.z)
        torch.div(s.c, s.n, out=s.h).mul_(saved.o)

    def open_gates(self, saved: SLstmSaved, s_prev: Any, s: Any) -> None:
        """Overwrites a_i and a_f with i = exp(a_i) and f = sigma(a_f), (R, B, H) each."""
        saved.i.exp_()
        saved.f.sigmoid_()

    def backward_views(self, *arrays: Tensor) -> SLstmPartials:
        """From da (T, R, B, 4 H), and dn_da_f, dh_dn, dh_dc (T, R, B, H)."""
        da, *others = arrays
        return SLstmPartials(da.unflatten(-1, (4, -1))[..., :3, :], *da.chunk(4, -1), *others)

    def partials(self, p: Params, saved: SLstmSaved, s_prev: Any, s: Any, d: SLstmPartials) -> None:
        """The derivative of each factor with the others held, of a stabilizer too; (steps, R, B, H) each.

        dc/da_i = z i;  dn/da_i = i
        dc/da_f = c_{t-1} f (1 - sigma(a_f));  dn/da_f = n_{t-1} f (1 - sigma(a_f))
        dc/da_z = i (1 - z^2)
        dh/da_o = h (1 - o)
        dh/dn = -h / n;  dh/dc = o / n
        """
        import torch

        torch.mul(saved.i, saved.z, out=d.da_i)
        torch.addcmul(saved.i, d.da_i, saved.z, value=-1, out=d.da_z)
        torch.mul(s_prev.c, saved.f, out=d.da_f).mul_(saved.shut)
        torch.mul(s_prev.n, saved.f, out=d.dn_da_f).mul_(saved.shut)
        torch.addcmul(s.h, s.h, saved.o, value=-1, out=d.da_o)
        n = s.n.clamp(min=torch.finfo(s.n.dtype).tiny)  # 0 before a sequence has begun, where no gradient comes
        torch.div(s.h, n, out=d.dh_dn).neg_()
        torch.div(saved.o, n, out=d.dh_dc)

    def backward(self, p: Params, saved: SLstmSaved, d: SLstmPartials, ds: Any, ds_prev: Any) -> None:
        """dn <- dn + dh dh/dn,  dc <- dc + dh dh/dc,  dL/da,  dn_{t-1} = dn f,  dc_{t-1} = dc f; (R, B, H) each."""
        import torch

        ds.n.addcmul_(ds.h, d.dh_dn)
        ds.c.addcmul_(ds.h, d.dh_dc)
        d.da_ifz.mul_(ds.c.unsqueeze(-2))
        d.da_i.addcmul_(ds.n, saved.i)
        d.da_f.addcmul_(ds.n, d.dn_da_f)
        d.da_o.mul_(ds.h)
        torch.mul(ds.n, saved.f, out=ds_prev.n)
        torch.mul(ds.c, saved.f, out=ds_prev.c)


class SLstm(UnstabilizedSLstm):
    """sLSTM (Beck et al. 2024, "xLSTM", equations 8 to 17): n and c are stored divided by exp(m), so that nothing overflows.

    m_t = max(log sigma(a_f) + m_{t-1}, a_i), and a_i at the first step, where n_{t-1} = 0;  i = exp(a_i - m_t);
    f = exp(log sigma(a_f) + m_{t-1} - m_t);  the rest as without it. i and f are at most 1, and n at least 1. h_t does not depend
    on m_t in exact arithmetic, so dL/dm_t = 0, and no derivative is taken through m.
    """

    title = "sLSTM"
    State = StabilizedState
    not_in_panels = "as an LSTM, with an exponential gate"
    equations = (
        ("log_f", "logsigmoid(a_f)"),
        ("m", "a_i + step(n_prev) * max(log_f + m_prev - a_i, 0)"),
        ("i", "exp(a_i - m)"),
        ("f", "exp(-max(m - log_f - m_prev, 0))"),
        *UnstabilizedSLstm.equations[2:],
    )
    torch_cell = UnstabilizedSLstm.torch_cell
    torch_class = STABILIZED

    def open_gates(self, saved: SLstmSaved, s_prev: Any, s: Any) -> None:
        """Fills m, and overwrites a_i and a_f with i and f; (R, B, H) each."""
        import torch
        from torch.nn.functional import logsigmoid

        from_m = logsigmoid(saved.f).add_(s_prev.m)
        torch.where(s_prev.n > 0, torch.maximum(from_m, saved.i), saved.i, out=s.m)
        saved.i.sub_(s.m).exp_()
        torch.sub(from_m, s.m, out=saved.f).clamp_(max=0).exp_()
