"""The matrix of expRNN: the exponential and its derivative against torch.matrix_exp, and orthogonality in training."""

import numpy as np
import pytest
import torch
from reference import DOUBLE, assert_close, exponential
from short_trainings import small

from rnnkit.engine.cells import CELLS
from rnnkit.engine.trainer import Trainer

CELL = CELLS["exprnn"]


def pairs(*angles):
    """A (1, H, H) whose rotations have these angles: eigenvalues that are equal, or nearly so."""
    A = torch.zeros(1, 2 * len(angles), 2 * len(angles), dtype=DOUBLE)
    for i, angle in enumerate(angles):
        A[0, 2 * i, 2 * i + 1] = angle
    return A


MATRICES = {
    f"drawn-{H}": torch.randn(3, H, H, generator=torch.Generator().manual_seed(H), dtype=DOUBLE) for H in (1, 2, 5, 8)
} | {
    "zero": torch.zeros(1, 5, 5, dtype=DOUBLE),
    "equal": pairs(1.3, 1.3, -1.3),
    "nearly-equal": pairs(1.3, 1.3 + 1e-9, 0.0),
    "small": pairs(0.05, 0.03),
    "half-turn": pairs(torch.pi, torch.pi, 0.2),
    "large": 30 * torch.randn(1, 6, 6, generator=torch.Generator().manual_seed(1), dtype=DOUBLE),
}


@pytest.mark.parametrize("name", MATRICES)
def test_the_exponential_and_its_gradient_are_autograds(name):
    """Also where eigenvalues are equal; of numpy's arrays as of torch's tensors."""
    A = MATRICES[name].clone().requires_grad_()
    M = torch.stack([exponential(S) for S in A - A.mT])
    dM = torch.randn(M.shape, generator=torch.Generator().manual_seed(2), dtype=DOUBLE)
    M.backward(dM)
    for p, d in (({"W_rec": A.detach()}, dM), ({"W_rec": A.detach().numpy()}, dM.numpy())):
        assert_close(torch.as_tensor(CELL.recurrent_matrix(p)), M, "M", 1e-12)
        assert (torch.as_tensor(CELL.recurrent_gradient(p, d)) - A.grad).abs().max() < 1e-12 * (1 + A.grad.abs().max())


class Exponential(torch.autograd.Function):
    @staticmethod
    def forward(ctx, W):
        ctx.save_for_backward(W)
        return CELL.recurrent_matrix({"W_rec": W})

    @staticmethod
    def backward(ctx, dM):
        return CELL.recurrent_gradient({"W_rec": ctx.saved_tensors[0]}, dM)


@pytest.mark.parametrize("name", ["drawn-5", "zero", "equal", "nearly-equal"])
def test_the_gradient_is_the_difference_quotient(name):
    assert torch.autograd.gradcheck(Exponential.apply, MATRICES[name].clone().requires_grad_())


@torch.inference_mode()
@pytest.mark.parametrize("hidden", [5, 16])
def test_the_matrix_is_orthogonal_at_every_training_step(hidden):
    trainer = Trainer(small("exprnn", hidden=hidden, steps=30, lr=0.1), DOUBLE)
    drawn = trainer.params["W_rec"].clone()
    while not trainer.done:
        M = CELL.recurrent_matrix(trainer.params)
        assert (M.mT @ M - torch.eye(hidden, dtype=DOUBLE)).abs().max() < 1e-12
        trainer.advance()
    assert (trainer.params["W_rec"] - drawn).abs().max() > 0.1


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_not_finite_gives_nan_in_its_own_network_alone(wrong):
    W = torch.randn(2, 4, 4, dtype=DOUBLE)
    W[1, 0, 2] = wrong
    for p, dM in (({"W_rec": W}, torch.ones_like(W)), ({"W_rec": W.numpy()}, np.ones(W.shape))):
        for found in (CELL.recurrent_matrix(p), CELL.recurrent_gradient(p, dM)):
            assert np.isfinite(found[0]).all() and np.isnan(found[1]).all()


def test_a_network_whose_weights_overflow_diverges_and_the_others_train_on():
    trainer = Trainer(small("exprnn", steps=4))
    with torch.inference_mode():
        trainer.advance()
        trainer.params["W_rec"][1, 0, 1] = torch.inf
        while not trainer.done:
            trainer.advance()
    assert trainer.diverged.tolist() == [-1, 1, -1]
