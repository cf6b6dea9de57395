"""What the sentence about a run names as the cause, and what it does not."""

from dataclasses import replace

import numpy as np
import pytest
from histories import E, gradient, history, verdict_of

from rnnkit.analysis.summary import verdict
from rnnkit.engine.fixes import ClipNorm, Omega, Truncate

# ---- the cause


def test_beside_truncation_only_what_training_changed_is_named():
    e = replace(E, fixes=(Truncate(4),))
    cut, known = [gradient(0.0)] * 3, {"flat": [0.9, 1, 1], "radius": [1, 1, 1]}
    assert verdict(history(cut, e, **known)).cause == ""
    assert verdict(history(cut, replace(e, cell="gru"), gate=[0.5] * 3)).cause == ""
    h = history(cut, e, flat=[0, 1, 1], radius=[1, 4, 4])
    assert verdict(h).cause == (
        "Besides, 100 % of the states are saturated (0 % at training step 0) and the spectral radius of W_rec is 4 "
        "(1 at training step 0)."
    )


def test_of_an_lstm_it_is_said_which_part_was_what():
    e = replace(E, cell="lstm")
    grads = [gradient(0.17, 2), gradient(1e-9, 2), gradient(1e-9, 2)]
    grads[2][1, 1] = 2e-9, 7e-9, 1
    assert verdict(history(grads, e, gate=[0.9, 0.5, 0.5])).cause == (
        "That is the median of dL/dc: the networks have from 2e-9 to 1. At training step 0 dL/dc was 0.17 of its size. "
        "The gate that keeps the memory keeps 0.5 of it a time step."
    )


def test_a_loss_of_0_is_not_called_exact():
    h = history([gradient(0.5)] * 3, loss=[E.guess_loss, 20, 20])
    h.loss[2] = 0, 20, 318
    assert "The loss is 0 to 318, a guesser has 0.69" in verdict(h).cause


def test_a_learning_rate_that_threw_the_weights():
    h = history([gradient(0.39), gradient(1e-9), gradient(2e-30)], flat=[0, 0.5, 0.72], radius=[1, 2, 5])
    h.radius[2] = 3.8, 5, 7.2
    v = verdict(h)
    assert v.cause == (
        "At training step 0 it was 0.39. 72 % of the states are saturated (0 % at training step 0) and the spectral radius of "
        "W_rec is 3.8 to 7.2 (1 at training step 0): the learning rate threw the weights."
    )
    assert "threw" not in verdict(h, 0).cause
    h.loss[:] = 0.01  # it has learnt: saturated units are its answer
    assert "saturated" in verdict(h).cause and "threw" not in verdict(h).cause


def test_units_that_died():
    e = replace(E, cell="relu", init="identity", optimizer="sgd", lr=0.2)
    v = verdict(
        history([gradient(0.9), gradient(0.0), gradient(0.0)], e, flat=[0.1, 1, 1], blocked=[0, 1, 1], radius=[1.1, 2, 2])
    )
    assert v.gradient == "At the subject the gradient is exactly 0: no unit is on."
    assert v.cause.startswith("At training step 0 it was 0.9.") and v.cause.endswith("the learning rate threw the weights.")


def test_a_loss_far_above_a_guessers_is_never_passed_over():
    grads, guess = [gradient(0.5)] * 3, E.guess_loss
    h = history(grads, loss=[guess, 20, 20])
    h.loss[2] = 17, 20, 31
    v = verdict(h)
    assert v.gradient.endswith("it arrives.") and v.tone == "bad"
    assert v.cause == "The loss is 17 to 31, a guesser has 0.69: the learning rate threw the weights."
    assert verdict(history(grads, loss=[guess, 1.4 * guess, 1.4 * guess])).cause == ""
    assert verdict(history(grads, loss=[20, 20, 20])).cause == "", "it was as high before training"
    assert verdict(history(grads, loss=[guess, guess, 20])).cause == "", "one unlucky batch"


@pytest.mark.parametrize(
    ("training", "norm"),
    [
        ({"lr": 0.0}, 1),
        ({"lr": 1e-8}, 1),
        ({"lr": 1e-8, "optimizer": "sgd"}, 1e3),
        ({"fixes": ("freeze:W_in+W_rec+b+W_out+b_out",)}, 0),
    ],
)
def test_weights_that_did_not_move_were_not_thrown(training, norm):
    """A loss can be high by its batch, or by a state that is carried from batch to batch."""
    e = replace(E, **training)
    h = history([gradient(0.5)] * 3, e, loss=[E.guess_loss, 20, 20], norm_applied=[norm] * 3)
    assert verdict(h).cause == "The loss is 20, a guesser has 0.69."
    h = history([gradient(0.5), gradient(1e-9), gradient(1e-9)], e, flat=[0, 0.5, 0.5], norm_applied=[norm] * 3)
    assert "50 % of the states are saturated" in verdict(h).cause and "threw" not in verdict(h).cause


def test_a_small_learning_rate_with_a_huge_gradient_throws_them():
    e = replace(E, lr=1e-8, optimizer="sgd")
    h = history([gradient(0.5)] * 3, e, loss=[E.guess_loss, 20, 20], norm_applied=[1e9] * 3)
    assert "the learning rate threw the weights" in verdict(h).cause


def test_a_radius_that_grew_is_no_cause_of_vanishing_without_flat_units():
    """From gain 1e-30 to 6e-15, or of a sigmoid whose units are steep: a larger radius lets more through, not less."""
    for radius, flat in (([1e-30, 1e-15, 6e-15], [0] * 3), ([1, 2, 5], [0.02] * 3), ([1e-30, 0.1, 0.5], [0.5] * 3)):
        h = history([gradient(1e-9)] * 3, flat=flat, radius=radius)
        assert "radius" not in verdict(h).cause
    assert "radius" in verdict(history([gradient(1e-9)] * 3, flat=[0.5] * 3, radius=[1, 2, 5])).cause


def test_a_penalty_may_have_thrown_them():
    e = replace(E, fixes=(Omega(3.0),))
    v = verdict(history([gradient(0.5)] * 3, e, loss=[E.guess_loss, 20, 20]))
    assert v.cause.endswith("training threw the weights.")


def test_a_gradient_that_grew_and_was_clipped():
    e = replace(E, cell="relu", fixes=(ClipNorm(1.0),))
    v = verdict(history([gradient(1e5)] * 3, e, norm_raw=[3e5] * 3, norm_applied=[1] * 3, radius=[2] * 3))
    assert v.gradient.endswith("it grew large.")
    assert v.cause == "The spectral radius of W_rec is 2. The weights' gradient has the norm 3e5, clipping leaves 1."


def test_what_a_frozen_weight_left_was_not_left_by_clipping():
    e = replace(E, cell="relu", fixes=("freeze:W_rec", "clip-norm:100"))
    known = {"norm_raw": [3e5] * 3, "norm_applied": [7] * 3, "radius": [2] * 3}
    assert "has the norm 3e5, the remedies leave 7." in verdict(history([gradient(1e5)] * 3, e, **known)).cause
    later = replace(e, fixes=("freeze:W_rec", "clip-norm:100@2"))
    h = history([gradient(1e5)] * 3, later, **known)
    assert "norm" not in verdict(h, 1).cause and "the remedies leave" in verdict(h, 2).cause


def test_a_gate_that_forgets():
    e = replace(E, cell="gru")
    assert verdict(history([gradient(1e-9)] * 3, e, gate=[0.5] * 3)).cause == (
        "The gate that keeps the memory keeps 0.5 of it a time step."
    )
    assert verdict(history([gradient(0.5)] * 3, e, gate=[0.5] * 3)).cause == ""


def test_the_radius_is_that_of_the_last_time_it_was_measured():
    h = history([gradient(0.5), gradient(1e-9), gradient(1e-9)], flat=[0, 0.5, 0.5], radius=[1, 4, np.nan])
    assert "the spectral radius of W_rec is 4 at training step 1 (1 at training step 0)" in verdict(h).cause


def test_no_gradient_at_the_end():
    grad = np.zeros((1, 10, 3), np.float32)
    assert verdict_of(grad).gradient == "At the verb there is no gradient to send back."
    sure = "At the verb there is no gradient to send back. The loss is 0: every answer is given with certainty."
    assert verdict_of(grad, loss=[0] * 3).gradient == sure
