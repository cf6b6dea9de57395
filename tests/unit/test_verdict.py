"""The sentence about a run says what its numbers say."""

import re
from dataclasses import replace

import numpy as np
import pytest
from histories import LOW, E, gradient, history, verdict_of

from rnnkit import Experiment
from rnnkit.analysis.gradient_summary import comparison, gradient_ratio, per_step, ratio_phrase, remaining_text
from rnnkit.analysis.learnt import solved_at
from rnnkit.analysis.summary import verdict
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import Truncate
from rnnkit.engine.history import History
from rnnkit.engine.record import ABSENT

STEPS = np.arange(3)  # of its records


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
    assert ratio_phrase(ratio) == words


def test_factor_a_step():
    assert per_step(0.5**8, 8) == pytest.approx(0.5) and per_step(3.0, 0) == 1


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (1e-13, "1e-13 of what it is at the verb, a factor of 0.0237 a time step: it vanished"),
        (0.02, "0.02 of what it is at the verb, a factor of 0.613 a time step: it fades"),
        (0.25, "0.25 of what it is at the verb: it arrives"),
        (178, "178 times what it is at the verb, a factor of 1.91 a time step: it grew"),
        (2e19, "2e19 times what it is at the verb, a factor of 258.6 a time step: it grew large"),
        (3e5, "3e5 times what it is at the verb, a factor of 4.84 a time step: it grew large"),
        (0.0, "below 1e-38: it vanished"),
    ],
)
def test_gradient(source, words):
    assert verdict_of(gradient(source)).gradient == f"At the subject the gradient is {words}."


def test_cut_is_not_called_vanished():
    e = Experiment(length=10, replicas=3, steps=2, fixes=(Truncate(4),))
    assert "truncation cut its path after 4 steps" in verdict_of(gradient(0.0), e).gradient
    assert verdict_of(gradient(0.0), replace(e, fixes=(Truncate(1),))).gradient.endswith("truncation cut its path after 1 step.")


def test_both_parts_of_an_lstm():
    e = Experiment(length=10, replicas=3, steps=2, cell="lstm")
    grad = gradient(1e-6, 2)
    grad[1, 1] = 0.5
    sentence = (
        "From the verb back to the subject: dL/dh is 1e-6 of its size, a factor of 0.178 a time step "
        "(it vanished), dL/dc is 0.5 of its size (it arrives)."
    )
    assert verdict_of(grad, e).gradient == sentence


@pytest.mark.parametrize(
    "cell, spoken_of", [("attention", "hr"), ("slstm", "hc"), ("slstm-unstabilized", "hc"), ("lru", ("h", "im"))]
)
def test_of_a_large_state_it_speaks_of_h_and_the_memory(cell, spoken_of):
    e = replace(E, cell=cell)
    sentence = verdict_of(gradient(0.5, len(CELLS[cell].parts)), e).gradient
    assert re.findall(r"dL/d(\w+)", sentence) == [*spoken_of]


def test_no_network_has_both_a_source_and_a_gradient():
    grad = gradient(0.5)
    grad[0, E.bound_task.evidence_step(E.length)], grad[0, -1] = [ABSENT, 0.5, 0.5], [0.5, 0, 0]
    assert verdict_of(grad, E).gradient == "No network has both a subject in its batch and a gradient at the verb."


def test_outcome_counts_solved_networks():
    accuracy = LOW.copy()
    accuracy[1:, :2] = 0.995
    v = verdict_of(gradient(0.5), accuracy=accuracy)
    assert (
        v.outcome == "2 of 3 networks got at least 99 % of new sentences right, half of them by training step 1."
        and v.tone == "good"
    )
    assert list(solved_at(STEPS, accuracy)) == [1, 1, -1]


def test_outcome_names_the_guesser():
    assert verdict_of(gradient(0.5)).outcome == "Not learnt: 50 % of new sentences right, a guesser 50 %."
    assert verdict_of(gradient(0.5), n=2).outcome.startswith("So far 50 %")


def test_divergence_names_step_and_tensor():
    v = verdict_of(gradient(np.nan), diverged=np.array([7, -1, 3]), causes=("the loss", "", "h at t = 4 of the forward pass"))
    cause = "the first at training step 3, in h at t = 4 of the forward pass"
    assert v.gradient == f"It exploded: 2 of 3 networks became NaN, {cause}."
    assert v.outcome == "Not learnt: the others: 50 % of new sentences right, a guesser 50 %." and v.tone == "bad"


def test_when_all_diverged_an_old_score_is_not_repeated():
    v = verdict_of(gradient(np.nan), diverged=np.array([7, 2, 3]), causes=("the loss",) * 3)
    assert v.outcome == "Nothing was learnt."


def test_what_was_learnt_and_lost_again_is_said():
    accuracy = LOW.copy()
    accuracy[1] = 1.0
    v = verdict_of(gradient(0.5), accuracy=accuracy)
    assert v.outcome.endswith("half of them by training step 1, but 3 fell below again.") and v.tone == "neutral"


def test_one_network_without_gradient_does_not_silence_the_others():
    grad = gradient(0.5)
    grad[..., 0] = 0
    v = verdict_of(grad)
    assert "0.5 of what it is" in v.gradient
    assert v.cause == "1 of 3 networks has no gradient at the verb."


def test_of_an_lstm_it_is_said_which_gradient_a_network_has_not():
    """tanh(c) can be so saturated that nothing goes into c, while dL/dh is there."""
    e = replace(E, cell="lstm")
    grad = gradient(0.5, parts=2, e=e)
    grad[1, :, 0] = 0
    assert "1 of 3 networks has no dL/dc at the verb." in verdict_of(grad, e).cause


def test_next_to_nothing_at_the_end_is_no_gradient_that_could_vanish():
    """Half of 1e-38 is no float32: a 0 at the subject is no sign of vanishing there."""
    grad = gradient(0.0)
    grad[:, -1] = 1e-36
    assert verdict_of(grad).gradient == "At the verb there is no gradient to send back."
    grad[:, -1, 0] = 1e-34
    v = verdict_of(grad)
    assert v.gradient.endswith("below 1e-38: it vanished.") and "2 of 3 networks have no gradient at the verb." in v.cause


def test_ratio_is_the_median_network():
    grad = np.ones((1, 10, 3), np.float32)
    grad[0, 1] = [1e-30, 1e-3, 5]
    assert gradient_ratio(grad, E) == pytest.approx(1e-3)
    assert verdict_of(grad).cause == "That is the median: the networks have from 1e-30 to 5."


def test_a_ratio_of_one_network_does_not_speak_for_those_that_are_nan():
    e = replace(E, replicas=8)
    grad = gradient(0.5, e=e)
    grad[..., 1:] = np.nan
    assert np.isnan(gradient_ratio(grad, e))
    grad[..., 1:] = 1
    grad[0, 1, 3:] = np.nan
    assert np.isnan(gradient_ratio(grad, e))
    grad[0, 1, 3:6] = 0.1
    assert gradient_ratio(grad, e) == pytest.approx(0.75)  # of .1 .1 .1 .5 1 1 NaN NaN, NaN as the largest: (.5 + 1) / 2


# ---- 0: cut, exactly, or too small


def test_zeros_are_exact_only_where_the_cause_is_known():
    e = replace(E, cell="relu", init="identity")
    assert "exactly 0: no unit is on." in verdict_of(gradient(0.0), e, blocked=[1] * 3, flat=[1] * 3).gradient
    some = verdict_of(gradient(0.0), e, blocked=[1] * 3, flat=[0.8] * 3)
    assert some.gradient.endswith("is exactly 0: in every sequence there is a time step at which no unit is on.")
    assert some.cause == "80 % of the units are off."
    assert "below 1e-38: it vanished" in verdict_of(gradient(0.0), e, blocked=[0.9] * 3, flat=[0.8] * 3).gradient


def test_w_rec_is_called_0_only_while_it_is():
    known = {"blocked": [1] * 3, "flat": [0.5] * 3, "radius": [0, np.nan, np.nan]}
    e = replace(E, cell="relu", gain=0)
    trained = history([gradient(0.0)] * 3, e, **known)
    assert verdict(trained, 0).gradient.endswith("exactly 0: W_rec is 0.")
    assert "W_rec" not in verdict(trained, 1).gradient and "no unit is on" in verdict(trained, 2).gradient
    for fix, held in (("freeze:W_rec+b", True), ("freeze:W_rec@1", False), ("freeze:W_in", False)):
        h = history([gradient(0.0)] * 3, replace(e, fixes=(fix,)), **known)
        assert verdict(h).gradient.endswith("W_rec is 0.") == held
    assert verdict(history([gradient(0.0)] * 3, replace(E, cell="esn", gain=0))).gradient.endswith("exactly 0: W_rec is 0.")
    leaky = history([gradient(0.0)] * 3, replace(E, cell="esn", gain=0, leak=0.1))
    assert verdict(leaky).gradient.endswith("0 in float32: it vanished.")  # how it became 0 is not recorded past W_rec
    nilpotent = history([gradient(0.0)] * 3, replace(e, gain=1), **known)
    assert "W_rec" not in verdict(nilpotent, 0).gradient


def test_slopes_that_round_to_zero_are_not_called_smaller_than_a_number():
    v = verdict_of(gradient(0.0), blocked=[0.25] * 3, flat=[0.9] * 3).gradient
    assert "0 in float32: in 25 % of the sequences there is a time step at which all units are so saturated" in v


def test_float64_has_its_own_smallest_number():
    h = History(E, np.float64)
    other = history([gradient(1.0)])
    for name in ("loss", "accuracy", "norm_raw", "norm_applied", "diverged", "causes", "n"):
        setattr(h, name, getattr(other, name))
    h.state_grad[0] = gradient(1.0)
    h.state_grad[0, 0, 1] = 4e-52
    assert "4e-52 of what it is" in verdict(h).gradient
    h.state_grad[0, 0, 1] = 0
    assert "below 2e-308" in verdict(h).gradient


@pytest.mark.parametrize("source", [np.nan, np.inf])
def test_what_is_beyond_float32_is_not_called_no_gradient(source):
    """Frozen weights or clip-value may have it, and train on."""
    h = history([gradient(source)] * 3)
    assert verdict(h).gradient == "At the subject the gradient is beyond float32: it exploded."
    assert remaining_text(h, 2) in ("NaN", "infinite")
    lstm = history([gradient(source, 2)] * 3, replace(E, cell="lstm"))
    assert "dL/dh is beyond float32 (it exploded), dL/dc is beyond float32 (it exploded)." in verdict(lstm).gradient
    some = gradient(0.5)
    some[0, 1, 2] = source
    high = {"nan": "NaN", "inf": "infinite"}[str(source)]
    assert verdict_of(some).cause == f"That is the median: the networks have from 0.5 to {high}."


def test_no_gradient_at_the_end_is_none_and_not_nan():
    h = history([np.zeros((1, 10, 3), np.float32)] * 3, loss=[0] * 3)
    assert remaining_text(h, 2) == remaining_text(h, 2, network=1) == "none"
    h.state_grad[2, :, :, 1] = np.nan  # it became NaN
    assert remaining_text(h, 2, network=1) == "NaN" and remaining_text(h, 2, network=0) == "none"


def test_a_batch_of_short_sentences_has_no_gradient_at_the_source():
    grad = gradient(ABSENT)
    assert (
        verdict_of(grad).gradient == "No sentence of this batch is so long that it has a subject."
        and verdict_of(grad).cause == ""
    )


# ---- numbers beside the scale


@pytest.mark.parametrize(
    ("ratio", "size", "word"),
    [
        (0.0999, "0.0999 of", "fades"),
        (10.04, "10.04 times", "grew"),
        (9.97, "9.97 times", "arrives"),
        (0.996, "0.996 of", "arrives"),
        (1.0, "1 times", "arrives"),
        (9.997e-4, "9.997e-4 of", "vanished"),
        (1000.4, "1,000.4 times", "grew large"),
        (0.0996, "0.0996 of", "fades"),
    ],
)
def test_no_ratio_is_rounded_onto_a_bar_of_the_scale(ratio, size, word):
    assert comparison(ratio, "it", "float32") == f"{size} it" and ratio_phrase(ratio) == f"it {word}"


def test_a_part_that_grew_is_so_many_times_its_size():
    sentence = verdict_of(gradient(1665.0, 2), replace(E, cell="lstm")).gradient
    assert "dL/dc is 1,665 times its size, a factor of 2.53 a time step (it grew large)." in sentence
