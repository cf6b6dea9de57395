"""Records of networks that became NaN: what they hold, what they say, and that the page's claims are so on fresh seeds."""

from dataclasses import replace

import numpy as np
import pytest

from rnnkit.analysis.nan_record import (
    DIVERGING,
    THRESHOLD,
    clipping,
    finding,
    last_steps,
    nan_records,
    recovery,
    rewound,
    spectral_radius,
    steps_table,
)
from rnnkit.engine.history import History
from rnnkit.engine.trainer import train
from rnnkit.experiment import Experiment
from rnnkit.rounding import amount
from rnnkit.serving.limits import Limits

FRESH = 70_000


def trained(e):
    history = History(e)
    for record in train(e):
        history.append(record)
    return history


@pytest.fixture(scope="module")
def run():
    return trained(replace(DIVERGING, steps=30))


@pytest.fixture(scope="module")
def fresh():
    """64 networks with seeds that no page shows."""
    return trained(replace(DIVERGING, steps=30, replicas=64, seed=FRESH))


def made(losses, causes="h"):
    """A history of one network with these losses."""
    e = Experiment(length=10, replicas=1, steps=len(losses) - 1)
    h = History(e)
    h.loss[:, 0] = losses
    h.norm_raw[:, 0] = 2.0
    bad = ~np.isfinite(h.loss[:, 0])
    h.diverged[:, 0] = np.where(np.arange(len(losses)) >= bad.argmax(), bad.argmax() if bad.any() else -1, -1)
    h.causes = [(causes if b else "",) for b in bad]
    h.n = len(losses)
    return h


# ---- reading ----


@pytest.mark.parametrize(
    "losses, nan_step, jump_step",
    [
        ([0.7, 0.7, 0.7, 1e5, 1e20, np.nan], 5, 2),
        ([0.7, 0.7, np.nan], 2, 1),
        ([50.0, 1e9, np.inf], 2, 0),
        ([0.7, 1e9, 0.7, 1e12, np.nan], 4, 0),
        ([0.7, np.nan], 1, 0),
        ([np.nan, np.nan], 0, 0),
    ],
)
def test_the_jump_is_the_last_step_before_the_loss_left_the_useful_range(losses, nan_step, jump_step):
    (a,) = nan_records(made(losses), len(losses))
    assert (a.network, a.nan_step, a.jump_step, a.cause) == (0, nan_step, jump_step, "h")
    np.testing.assert_array_equal(a.loss, losses[: nan_step + 1])


def test_a_first_loss_that_is_large_is_called_nothing_else():
    (a,) = nan_records(made([92_908.0, np.nan]), 2)
    text = finding(DIVERGING, a)
    assert "at a loss of 92,908 (a guesser has 0.69)" in text and "sane" not in text


def test_a_sound_network_has_no_record():
    assert nan_records(made([0.7, 0.6, 0.5]), 3) == [] == nan_records(made([0.7, np.nan]), 0)


def test_every_step_has_to_be_recorded():
    with pytest.raises(ValueError, match="every 2 steps"):
        nan_records(History(Experiment(steps=600)), 1)


def test_the_shown_run_has_networks_that_become_nan_and_their_numbers_are_the_records(run):
    found = nan_records(run, 31)
    assert len(found) > 3
    assert [a.nan_step for a in found] == sorted((a.nan_step for a in found), reverse=True)
    for a in found:
        assert a.nan_step == run.diverged[30, a.network] and a.cause == run.causes[30][a.network]
        assert np.isfinite(a.loss[:-1]).all() and np.isfinite(a.norm[:-1]).all()
        assert not np.isfinite(a.loss[-1] + a.norm[-1])
        assert a.loss[a.jump_step] <= 10 * DIVERGING.guess_loss < a.loss[a.jump_step + 1] or a.jump_step == a.nan_step - 1


def test_small_servers_welcome_it():
    assert Limits().check(DIVERGING) == {} == Limits().check(rewound(DIVERGING, 5, THRESHOLD))


# ---- rewinding ----


@pytest.mark.parametrize("step", [0, 1, 2])
def test_a_rewound_run_is_the_same_bit_for_bit_up_to_the_step(run, step):
    again = trained(rewound(replace(DIVERGING, steps=30), step, THRESHOLD))
    for name in ("loss", "norm_raw", "state_grad"):
        np.testing.assert_array_equal(getattr(run, name)[: step + 1], getattr(again, name)[: step + 1])
    np.testing.assert_array_equal(run.norm_applied[:step], again.norm_applied[:step])
    sound = run.norm_raw[step] < 1e30  # beyond, the factor that clips would be less than float32's smallest number
    np.testing.assert_allclose(again.norm_applied[step, sound], THRESHOLD, rtol=1e-5)
    assert not np.array_equal(run.loss[step + 1], again.loss[step + 1])


def test_rewound_replaces_a_clipping_that_was_there():
    e = rewound(rewound(DIVERGING, 3, 1.0), 5, 2.0)
    assert e == rewound(DIVERGING, 5, 2.0) and clipping(e).start_step == 5
    assert Experiment.from_query(e.to_query()) == (e, [])


# ---- what the page claims, on fresh seeds ----


def test_most_networks_are_nan_within_a_few_steps(fresh):
    found = nan_records(fresh, 31)
    assert len(found) >= 32
    assert max(a.nan_step for a in found) <= 10
    groups = {a.network // 8 for a in found}
    assert len(groups) >= 7, "of eight networks side by side at least one, nearly always"
    assert np.mean([a.loss[a.jump_step] < 1.5 for a in found]) > 0.8, "the jump comes at a loss as a guesser's"


@pytest.fixture(scope="module")
def continuations(fresh):
    """The networks whose weights the update of step 0 threw, clipped from there and from step 2 on."""
    return {step: trained(rewound(replace(fresh.e, steps=DIVERGING.steps), step, THRESHOLD)) for step in (0, 2)}


def test_clipped_from_the_jump_on_they_learn(fresh, continuations):
    hit = [a.network for a in nan_records(fresh, 31) if a.jump_step == 0]
    saved = continuations[0]
    assert len(hit) > 20 and (saved.diverged[-1] == -1).all()
    assert (saved.accuracy[-1, hit] >= 0.99).mean() > 0.9


def test_rewinding_to_the_step_before_the_nan_is_too_late(fresh, continuations):
    hit = [a.network for a in nan_records(fresh, 31) if a.nan_step == 3 and a.jump_step == 0]
    late = continuations[2]
    assert len(hit) > 10
    assert np.mean((late.diverged[-1, hit] >= 0) | (late.accuracy[-1, hit] < 0.9)) > 0.9


# ---- words ----


def test_the_finding_holds_the_numbers(run):
    a = nan_records(run, 31)[0]
    text = finding(DIVERGING, a)
    for part in (f"step {a.nan_step} ", a.cause, amount(a.loss[a.jump_step]), amount(DIVERGING.lr * a.norm[a.jump_step])):
        assert part in text
    first = nan_records(made([np.nan, np.nan]), 2)[0]
    assert "nothing to rewind to" in finding(DIVERGING, first)


def test_a_loss_that_was_high_before_the_jump_is_not_called_sane():
    """Gain 3: the weights as drawn have a loss of 21,806, and the first update is the jump."""
    assert "at a loss of 0.7 (a guesser has 0.69), SGD" in finding(DIVERGING, nan_records(made([0.7, 1e9, np.nan]), 3)[0])
    text = finding(DIVERGING, nan_records(made([21806.0, np.nan]), 2)[0])
    assert "at a loss of 21,806 (a guesser has 0.69), SGD" in text and "sane" not in text


def test_the_chart_has_a_row_a_step(run):
    a = nan_records(run, 31)[0]
    rows = steps_table(DIVERGING, a, {a.nan_step: 12.0}).splitlines()
    assert len(rows) == 2 + len(last_steps(a))
    assert "12" in rows[-1] and "frozen" in rows[-1] and "NaN" in rows[-1] and "…" in rows[2]
    long = nan_records(made([0.7, 9.0, *[8.0] * 20, np.nan]), 23)[0]
    assert last_steps(long) == [15, 16, 17, 18, 19, 20, 21, 22]


def test_recovery_says_what_happened(run):
    a = nan_records(run, 31)[0]
    saved = trained(rewound(replace(DIVERGING, steps=30), a.jump_step, THRESHOLD))
    word, text = recovery(DIVERGING, a, saved, 10)
    assert (
        word == "Finite so far."
        and f"{amount(THRESHOLD * DIVERGING.lr)} long, not {amount(DIVERGING.lr * a.norm[a.jump_step])}" in text
    )
    assert "thrown" not in text and f"At step {saved.steps[9]}" in text
    assert recovery(DIVERGING, a, saved, 31)[0] == "Finite, but it has not learnt.", "30 steps are not enough"
    loose = trained(rewound(replace(DIVERGING, steps=30), a.nan_step - 1, 1e6))
    word, text = recovery(DIVERGING, a, loose, 31)
    assert word == "Too late." and f"NaN at step {a.nan_step}" in text and f"thrown at step {a.jump_step}" in text


def test_spectral_radius_of_weights_that_are_nan():
    assert spectral_radius(np.diag([1.0, -3.0])) == 3
    assert np.isnan(spectral_radius(np.full((2, 2), np.nan)))
