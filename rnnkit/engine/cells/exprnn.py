"""The recurrent network whose matrix stays orthogonal: an exponential of an antisymmetric matrix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rnnkit.engine.cells.arrays import library
from rnnkit.engine.cells.base import HiddenState, Params, PreActivation, PreActivationGradient
from rnnkit.engine.cells.elementwise import Elementwise

MODULE = '''\
class ExpRnnCell(nn.RNNCell):
    """torch.nn has no such cell: an orthogonal matrix, and modReLU."""

    def forward(self, x, h):
        W = torch.matrix_exp(self.weight_hh - self.weight_hh.T)
        a = F.linear(x, self.weight_ih, self.bias_ih) + F.linear(h, W)
        return torch.sign(a) * F.relu(a.abs() + self.threshold)


'''


def _spectrum(W: Any) -> tuple[Any, Any, Any]:
    """Returns a (R, H) and U (R, H, H) with i (W - W^T) = U diag(a) U^H, which is Hermitian, and what is finite (R, 1, 1).

    A matrix that is not finite counts as 0.
    """
    lib = library(W)
    S = W - W.swapaxes(-1, -2)
    finite = lib.isfinite(S).all(-1).all(-1)[..., None, None]
    a, U = lib.linalg.eigh(1j * lib.where(finite, S, 0.0))
    return a, U, finite


class ExpRnn(Elementwise):
    """expRNN (Lezcano-Casado & Martinez-Rubio 2019): M = exp(W_rec - W_rec^T) is orthogonal at every training step.

    h_t = modReLU(a_t) = sign(a_t) max(|a_t| + threshold, 0),  a_t = x_t W_in + b + h_{t-1} M. `threshold` (1, H) is a weight.
    The slope is 1 where a unit is on, else 0, so the gradient keeps its norm as long as all units are on. W_rec is drawn as in
    other cells; the paper draws rotations.
    """

    title = "expRNN"
    max_slope = 1.0
    flat = "off"
    builds_matrix = True
    captures = False  # eigh asks whether it has converged
    matrix_flops = 200  # two eigendecompositions, by their time
    matrix_equation = r"\exp(W_{rec} - W_{rec}^T) \text{, orthogonal}"
    matrix_gradient_equation = r"K - K^T \text{, where } K = dL/d(W_{rec} - W_{rec}^T) \text{ through the exponential}"
    own_weights = ("threshold",)
    suited = (("lr", 0.01),)
    not_in_panels = "another cell, not a remedy for the one at hand"
    equations = (("h", "sign(a) * max(abs(a) + threshold, 0)"),)
    derivatives = (("phi", "step(abs(h))"), ("da", "dh * phi"))
    own_terms = (("threshold", "da * sign(h)"),)
    torch_cell = "ExpRnnCell(INPUTS, HIDDEN)"
    torch_class = MODULE
    torch_own_weights = "threshold = stream(seed, $OWN).uniform(-0.01, 0.01, HIDDEN)"

    def draw(self, e: Any, rng: np.random.Generator, drawn: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """threshold (1, H), uniform in (-0.01, 0.01), as the paper's."""
        return {"threshold": rng.uniform(-0.01, 0.01, (1, e.hidden))}

    def recurrent_matrix(self, p: Mapping[str, Any]) -> Any:
        """M = exp(W_rec - W_rec^T) = Re U diag(e^(-i a)) U^H, (R, H, H). NaN where W_rec is not finite."""
        lib = library(p["W_rec"])
        a, U, finite = _spectrum(p["W_rec"])
        M = ((U * lib.exp(-1j * a)[..., None, :]) @ U.swapaxes(-1, -2).conj()).real
        return lib.where(finite, M, float("nan"))

    def recurrent_gradient(self, p: Mapping[str, Any], dM: Any) -> Any:
        """dL/dW_rec = K - K^T with K = Re U ((U^H dL/dM U) conj(Phi)) U^H, (R, H, H) (Daleckii & Krein).

        Phi_jk = (e^(-i a_j) - e^(-i a_k)) / (-i a_j + i a_k) is the divided difference of the exponential. It is computed as
        e^(-i (a_j + a_k) / 2) sin(d) / d with d = (a_j - a_k) / 2, which is exact where eigenvalues are equal, too.
        """
        lib = library(dM)
        a, U, finite = _spectrum(p["W_rec"])
        U_H, low, high = U.swapaxes(-1, -2).conj(), a[..., :, None], a[..., None, :]
        conjugate = lib.exp(0.5j * (low + high)) * lib.sinc((low - high) / (2 * np.pi))
        K = (U @ ((U_H @ (dM + 0j) @ U) * conjugate) @ U_H).real
        return lib.where(finite, K - K.swapaxes(-1, -2), float("nan"))

    def own_gradients(
        self,
        p: Params,
        saved: PreActivation,
        s_prev: HiddenState,
        s: HiddenState,
        d: PreActivationGradient,
        ds: HiddenState,
    ) -> dict[str, Any]:
        """dL/dthreshold = sum over steps and sequences of da sign(h), (R, 1, H)."""
        return {"threshold": (d.da * s.h.sign()).sum((0, 2)).unsqueeze(1)}

    def forward(self, p: Params, saved: PreActivation, s_prev: HiddenState, s: HiddenState) -> None:
        """h = sign(a) max(|a| + threshold, 0), (R, B, H). s.h holds a."""
        size = s.h.abs().add_(p["threshold"]).relu_()
        s.h.sign_().mul_(size)

    def partials(self, p: Params, saved: PreActivation, s_prev: HiddenState, s: HiddenState, d: PreActivationGradient) -> None:
        """dh/da = 1 where h is not 0, else 0, (steps, R, B, H)."""
        import torch

        torch.abs(s.h, out=d.da).clamp_(max=1).ceil_()  # unlike a comparison, this keeps a NaN
