"""The page Exploding begins with networks whose gradient grows while they train, until they are NaN; clipped, most learn."""

from dataclasses import replace

import numpy as np
import pytest
from claim_checks import FRESH

from rnnkit.analysis.learnt import last_accuracy, solved_threshold
from rnnkit.analysis.nan_record import GROWING, RUNS, nan_records, rewound, rise
from rnnkit.engine.trainer import run
from rnnkit.serving.limits import Limits

CLIP = RUNS["grows"][1]


@pytest.fixture(scope="module")
def fresh():
    """64 networks with seeds that no page shows, and the records of those that became NaN within the page's steps."""
    h = run(replace(GROWING, steps=30, replicas=64, seed=FRESH))
    return h, nan_records(h, 31)


def learns(a, seed, step):
    """Whether this network learns when it goes on from this step with clipping."""
    h = run(rewound(replace(GROWING, replicas=1, seed=seed + a.network), step, CLIP))
    return last_accuracy(h.accuracy, h.diverged[-1])[0] >= solved_threshold(GROWING)


def test_small_servers_welcome_it():
    assert Limits().check(GROWING) == {} == Limits().check(rewound(GROWING, 18, CLIP))


def test_many_become_nan_and_not_in_the_first_steps(fresh):
    _, found = fresh
    assert len(found) >= 64 * 0.35
    assert np.median([a.nan_step for a in found]) >= 8
    groups = {a.network // 8 for a in found}
    assert len(groups) == 8, "of eight networks side by side at least one"


def test_the_gradient_grows_over_some_steps_before_the_update_that_throws_the_weights(fresh):
    _, found = fresh
    assert np.median([a.jump_step - rise(a) for a in found]) >= 3
    assert np.median([a.norm[a.jump_step] / a.norm[rise(a)] for a in found]) >= 4
    assert np.mean([a.norm[a.jump_step] > 2 * a.norm[0] for a in found]) >= 0.7


def test_until_then_they_train(fresh):
    """The loss falls: it is no network that only ever diverges."""
    _, found = fresh
    assert np.mean([a.loss[a.jump_step] < a.loss[0] for a in found]) >= 0.7


def test_clipped_from_that_update_on_most_learn(fresh):
    _, found = fresh
    assert np.mean([learns(a, FRESH, a.jump_step) for a in found[:8]]) >= 0.5


def test_the_network_that_the_page_shows():
    a = nan_records(run(replace(GROWING, steps=30)), 31)[0]
    assert a.jump_step - rise(a) >= 6 and a.norm[a.jump_step] > 5 * a.norm[rise(a)] and a.nan_step > 15
    assert learns(a, GROWING.seed, a.jump_step)
