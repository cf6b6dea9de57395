"""The echo state network."""

from __future__ import annotations

from rnnkit.engine.cells.base import Cell, HiddenState, Params, PreActivation, PreActivationGradient

MODULE = '''\
class Reservoir(nn.RNNCell):
    """torch.nn has no echo state network: its RNNCell, of whose state only a share is renewed. Nothing in it is trained."""

    def forward(self, x, h):
        return (1 - LEAK) * h + LEAK * super().forward(x, h)


'''


class EchoState(Cell[HiddenState, PreActivation, PreActivationGradient]):
    """Leaky echo state network (Jaeger 2001; Jaeger et al. 2007): h_t = (1 - leak) h_{t-1} + leak tanh(a_t).

    W_in, W_rec and b stay as drawn; the readout is solved by ridge regression (learners/ridge.py). leak in (0, 1].
    reservoirpy's Reservoir with lr = leak. The backward step gives the gradient that would be.
    """

    title = "echo state network"
    reservoir = True
    learner = "ridge"
    fields = ("gain", "leak", "density", "ridge")
    suited = (("density", 1.0), ("gain", 0.9))
    max_slope = 1.0
    equations = (("h", "(1 - leak) * h_prev + leak * tanh(a)"),)
    saved_as = (("a", "tanh(a)"),)
    derivatives = (("phi", "leak * (1 - tanh(a) ** 2)"), ("da", "dh * phi"))
    direct_terms = (("h", "dh * (1 - leak)"),)
    torch_cell = "Reservoir(INPUTS, HIDDEN)"
    torch_class = MODULE

    def forward(self, p: Params, saved: PreActivation, s_prev: HiddenState, s: HiddenState) -> None:
        """h = (1 - leak) h_{t-1} + leak tanh(a), (R, B, H). a is left as tanh(a)."""
        import torch

        torch.lerp(s_prev.h, saved.a.tanh_(), p["leak"], out=s.h)

    def partials(self, p: Params, saved: PreActivation, s_prev: HiddenState, s: HiddenState, d: PreActivationGradient) -> None:
        """dh/da = leak (1 - tanh(a)^2), (steps, R, B, H)."""
        import torch

        torch.addcmul(p["leak"], saved.a, saved.a * p["leak"], value=-1, out=d.da)

    def backward(self, p: Params, saved: PreActivation, d: PreActivationGradient, ds: HiddenState, ds_prev: HiddenState) -> None:
        """dL/da = dh dh/da,  dh_{t-1} = (1 - leak) dh as far as it passes no W_rec; (R, B, H) each."""
        import torch

        d.da.mul_(ds.h)
        torch.mul(ds.h, 1 - p["leak"], out=ds_prev.h)
