"""Pascanu's penalty on the norm of the gradient through time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rnnkit.engine.fixes.base import GradientFix, Grads, Params
from rnnkit.engine.fixes.torch_names import TORCH_NAMES, add_to_gradient
from rnnkit.fields import FloatField, setting

if TYPE_CHECKING:
    from torch import Tensor

    from rnnkit.engine.bptt import Tape
    from rnnkit.engine.cells.base import Cell

FUNCTION = '''\
@torch.enable_grad()
def omega(network, states):
    """Pascanu, Mikolov & Bengio 2013: how far the gradient is from keeping its norm at each step back, and its slope in W_rec.

    The mean of (r - 1)^2, where r = |dL/dh_t phi' W_rec^T|^2 / |dL/dh_t|^2 of a sentence at step t, and dL/dh_t and h_t count as
    constants. Taken of all with |dL/dh_t| >= 1e-10; in float64, since squares of large gradients are no float32.
    """
    h = torch.stack(states["h"]).detach().double()
    dh = torch.stack([torch.zeros_like(state) if state.grad is None else state.grad for state in states["h"]]).double()
    size = dh.square().sum(-1)
    counted = size >= 1e-20
    if not counted.any():
        return torch.zeros_like(network.cell.weight_hh)
    W = network.cell.weight_hh.detach().double().requires_grad_()
    back = (dh * $slope) @ W  # torch's weight_hh is W_rec^T
    r = back.square().sum(-1)[counted] / size[counted]
    return torch.autograd.grad((r - 1).square().mean(), W)[0].to(DTYPE)


'''


@dataclass(frozen=True)
class Omega(GradientFix):
    """Pascanu, Mikolov & Bengio 2013, section 3.3: asks that the gradient keeps its norm from each step to the one before.

    With delta_t = dL/dh_t and da_t = delta_t phi'(a_t), for step t and sentence b:
        r = ||da_t W_rec^T||^2 / ||delta_t||^2,   1 where ||delta_t||^2 < 1e-20
        Omega = sum_t mean_b (r - 1)^2 / sum_t mean_b [||delta_t||^2 >= 1e-20]
    and alpha dOmega/dW_rec, with delta and h held constant, is added to the gradient of W_rec alone.

    As in the authors' code, which differs from the paper: a mean over the counted steps, not a sum (eq. 9); squared
    norms, as in eq. 10, not the norms of eq. 9; delta_t holds the gradient that step t's own loss puts in as well as the one
    transported from later steps, not the transported one alone. The code's loss, like ours, is a mean over the batch, which
    the threshold 1e-20 refers to. Only for cells with one gate, where the Jacobian is W_rec^T diag(phi').
    """

    alpha: float = setting(FloatField, 0.5, low=0.0, high=100.0, above=True)
    name = "omega"
    title = "Omega penalty"
    about = "Pascanu's penalty: asks the gradient to keep its size on the way back."
    floats_per_unit = 5
    moves_weights = True
    BOUND: ClassVar[float] = 1e-20

    def __call__(self, grads: Grads, tape: Tape, params: Params) -> Grads:
        """dL/dW_rec + alpha dOmega/dW_rec, (R, H, H); all others as they are."""
        da, back, norm, counted = self._parts(tape, params)
        r = back.square().sum(-1, keepdim=True) / norm
        factor = (4 * (r - 1) / norm).mul_(counted) / counted.sum(1, keepdim=True).clamp(min=1)  # the two means over b cancel
        return {**grads, "W_rec": grads["W_rec"] + self.alpha * ((factor * back).mT @ da)}

    def value(self, tape: Tape, params: Params) -> Tensor:
        """Omega itself, (R,)."""
        _, back, norm, counted = self._parts(tape, params)
        r = back.square().sum(-1, keepdim=True) / norm
        return ((r - 1).square() * counted).sum((1, 2)) / counted.sum((1, 2)).clamp(min=1)

    def _parts(self, tape: Tape, params: Params) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """s da and s da W_rec^T (R, T*B, H), s^2 ||delta||^2 and whether it counts (R, T*B, 1).

        s is a power of two for each step and sentence that makes the largest |delta_i| about 1: neither r nor its gradient
        depends on it, and without it the squares overflow from 1.8e19 on in float32.
        """
        from torch import finfo

        da, delta = (v.transpose(0, 1).flatten(1, 2) for v in (tape.da, tape.ds[0]))
        counted = delta.square().sum(-1, keepdim=True) >= self.BOUND
        largest = delta.abs().amax(-1, keepdim=True).clamp(1e-30, finfo(delta.dtype).max / 256)
        scale = largest.frexp().mantissa / largest
        delta = delta * scale
        norm = delta.square().sum(-1, keepdim=True).clamp(min=self.BOUND)  # 0 where nothing counts
        da = da * scale
        return da, da @ params["W_rec"].mT, norm, counted

    @classmethod
    def applies_to(cls, cell: Cell) -> bool:
        return cell.gates == 1 and cell.n_products == 1 and not cell.recurrent_part and not cell.builds_matrix

    def torch_lines(self, cell: Cell, frozen: bool) -> str:
        if not cell.torch_slope:
            return ""
        return add_to_gradient(TORCH_NAMES["W_rec"], f"{self.alpha!r} * omega(network, states)", frozen)

    def torch_function(self, cell: Cell) -> str:
        return FUNCTION.replace("$slope", cell.torch_slope)
