"""The sentence about a run says what its numbers say."""

import numpy as np
import pytest

from rnnkit import Experiment
from rnnkit.fixes import Truncate
from rnnkit.verdict import fate, gradient_ratio, per_step, solved_at, verdict

E = Experiment(length=10, replicas=3, steps=100)
STEPS = np.array([0, 50, 100])
LOW = np.full((3, 3), 0.5)
SOUND = np.full(3, -1)


def gradient(source, parts=1, e=E):
    """(P, T, R) with 1 at the last step and `source` at the subject."""
    grad = np.ones((parts, e.length, e.replicas), np.float32)
    grad[:, 1] = source
    return grad


def told(grad, e=E, accuracy=LOW, steps=STEPS, diverged=SOUND, causes=("", "", "")):
    return verdict(e, steps, accuracy, grad, diverged, causes)


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (0, "it vanished"),
        (9.9e-4, "it vanished"),
        (1e-3, "it fades"),
        (0.099, "it fades"),
        (0.1, "it arrives"),
        (1, "it arrives"),
        (10, "it arrives"),
        (11, "it grew"),
        (1e3, "it grew"),
        (1.1e3, "it grew large"),
        (float("inf"), "it exploded"),
        (float("nan"), "it exploded"),
    ],
)
def test_one_scale_of_words(ratio, words):
    assert fate(ratio) == words


def test_factor_a_step():
    assert per_step(0.5**8, 8) == pytest.approx(0.5) and per_step(3.0, 0) == 1


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (1e-13, "1e-13 of what it is at the verb: it vanished"),
        (0.25, "0.25 of what it is at the verb: it arrives"),
        (178, "178 times what it is at the verb: it grew"),
        (3e5, "3e5 times what it is at the verb: it grew large"),
        (0.0, "exactly 0 of what it is at the verb: it vanished"),
    ],
)
def test_gradient(source, words):
    assert told(gradient(source)).gradient == f"At the subject the gradient is {words}."


def test_cut_is_not_called_vanished():
    e = Experiment(length=10, replicas=3, steps=100, fixes=(Truncate(4),))
    assert "truncation cut its path after 4 steps" in told(gradient(0.0), e).gradient


def test_both_parts_of_an_lstm():
    e = Experiment(length=10, replicas=3, steps=100, cell="lstm")
    grad = gradient(1e-6, 2)
    grad[1, 1] = 0.5
    sentence = (
        "From the verb back to the subject: dL/dh is 1e-6 of its size (it vanished), dL/dc is 0.5 of its size (it arrives)."
    )
    assert told(grad, e).gradient == sentence


def test_outcome_counts_solved_networks():
    accuracy = LOW.copy()
    accuracy[1:, :2] = 0.995
    v = told(gradient(0.5), accuracy=accuracy)
    assert v.outcome == "2 of 3 networks got at least 99 % of new sentences right, by step 50 (median)." and v.tone == "good"
    assert list(solved_at(STEPS, accuracy)) == [50, 50, -1]


def test_outcome_names_the_guesser():
    assert told(gradient(0.5)).outcome == "Not learnt: 50% of new sentences right, a guesser 50%."
    assert told(gradient(0.5), steps=STEPS[:2], accuracy=LOW[:2]).outcome.startswith("So far 50%")


def test_divergence_names_step_and_tensor():
    v = told(gradient(np.nan), diverged=np.array([7, -1, 3]), causes=("the loss", "", "h at t = 4 of the forward pass"))
    cause = "the first at training step 3, in h at t = 4 of the forward pass"
    assert v.gradient == f"It exploded: 2 of 3 networks became NaN, {cause}."
    assert v.outcome == "Not learnt: the others: 50% of new sentences right, a guesser 50%." and v.tone == "bad"


def test_when_all_diverged_an_old_score_is_not_repeated():
    v = told(gradient(np.nan), diverged=np.array([7, 2, 3]), causes=("the loss",) * 3)
    assert v.outcome == "Nothing was learnt."


def test_what_was_learnt_and_lost_again_is_said():
    accuracy = LOW.copy()
    accuracy[1] = 1.0
    v = told(gradient(0.5), accuracy=accuracy)
    assert v.outcome.endswith("by step 50 (median), but 3 fell below again.") and v.tone == "neutral"


def test_one_network_without_gradient_does_not_silence_the_others():
    grad = gradient(0.5)
    grad[..., 0] = 0
    assert "0.5 of what it is" in told(grad).gradient


def test_ratio_is_the_median_network():
    grad = np.ones((1, 10, 3), np.float32)
    grad[0, 1] = [1e-30, 1e-3, 5]
    assert gradient_ratio(grad, E) == pytest.approx(1e-3)
