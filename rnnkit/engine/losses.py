"""Losses: the value and, beside it, its derivative with respect to the readout's output.

Each takes the outputs of the last K steps z (K, R, B, O) and the targets. Where sequences do not count the same, it takes their
weights (R, B) too. It returns (loss (R,), dL/dz (K, R, B, O)). The loss is a mean over the batch and over the K steps, so that
neither makes the gradient grow. Networks never mix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Loss(Protocol):
    def __call__(self, z: Tensor, y: Tensor, weight: Tensor | None = None) -> tuple[Tensor, Tensor]: ...


def cross_entropy(z: Tensor, y: Tensor, weight: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """-w log softmax(z)_y for classes y (K, R, B); dL/dz = w (softmax(z) - onehot(y)) / (K B)."""
    log_p = z.log_softmax(-1)
    n = z.shape[0] * z.shape[2]
    right = y.unsqueeze(-1)
    log_right = log_p.gather(-1, right)
    dz = log_p.exp_().scatter_(-1, right, log_right.expm1())  # softmax(z)_y - 1
    if weight is not None:
        dz.mul_(weight.unsqueeze(-1))
        log_right = log_right * weight.unsqueeze(-1)
    return (0 - log_right.sum((0, 2, 3))) / n, dz.div_(n)  # 0 and not -0 where every answer is certain


def squared_error(z: Tensor, y: Tensor, weight: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """w mean_o (z_o - y_o)^2 for numbers y (K, R, B, O); dL/dz = 2 w (z - y) / (K B O). Classes y (K, R, B) become one-hot."""
    error = z - (one_hot(y, z.shape[-1], z.dtype) if y.dim() == 3 else y)
    weighted = error if weight is None else error * weight.unsqueeze(-1)
    n = z.shape[0] * z.shape[2] * z.shape[3]
    return (error * weighted).sum((0, 2, 3)) / n, weighted * (2 / n)


LOSSES: dict[str, Loss] = {"cross_entropy": cross_entropy, "squared_error": squared_error}


def one_hot(y: Tensor, classes: int, dtype: torch.dtype) -> Tensor:
    """(..., classes) from classes y: 1 at y, else 0."""
    from torch.nn import functional as F

    return F.one_hot(y, classes).to(dtype)


def right_answers(z: Tensor, y: Tensor, max_squared_error: float = 0.04) -> Tensor:
    """(K, R, B) whether an answer is right: the largest output is the class y (K, R, B).

    Numbers y (K, R, B, O) are right where each has (z - y)^2 <= max_squared_error, which the task states
    (Task.max_squared_error). Outputs that hold a NaN are no answer.
    """
    return (z.argmax(-1) == y) & ~z.isnan().any(-1) if y.dim() == 3 else (z - y).square().amax(-1) <= max_squared_error


def correct(z: Tensor, y: Tensor, max_squared_error: float = 0.04) -> Tensor:
    """(R,) share of right answers; see `right_answers`."""
    return right_answers(z, y, max_squared_error).double().mean((0, 2))
