"""The study of other lengths: against the same weights, run by hand over the same sequences."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from rnnkit import Experiment
from rnnkit.engine import bptt
from rnnkit.engine.cells import CELLS
from rnnkit.results import Progress
from rnnkit.stories.presets import PRESETS
from rnnkit.studies import STUDIES, other_lengths
from rnnkit.studies.training_outcome import SolvedSteps, records_until
from rnnkit.tasks import TASKS

SMALL = Experiment(task="temporal-order", length=12, hidden=6, batch=4, replicas=3, steps=30, lr=0.02, input_scale=1.0)


def last(e, **options):
    *_, found = other_lengths.study(e, **options)
    return found


def by_hand(e, step, task, length, n, seed=0):
    """(R,) shares of sequences with a wrong answer: weights of the study `weights`, all states stored, plain numpy."""
    rng, portion = np.random.default_rng([seed, length]), other_lengths.PORTION
    parts = [TASKS[task].draw(length, portion, rng, held_out=length == e.length) for _ in range(-(-n // portion))]
    x, y = (np.concatenate([getattr(part, name) for part in parts], 1)[:, :n] for name in "xy")
    wrong = []
    for r in range(e.replicas):
        *_, p = STUDIES["weights"](e, step=step, replica=r)
        p = {name: torch.tensor(W)[None] for name, W in p.items()}
        inputs = torch.from_numpy(x)[:, None]
        h = bptt.forward(CELLS[e.cell], p, inputs if inputs.dtype == torch.int64 else inputs.float()).h
        z = bptt.readout(p, h)[:, 0].numpy()
        if TASKS[task].loss == "squared_error":
            bad = np.square(z[-1, :, 0] - y[-1, :, 0]) > 0.04
        else:
            answers = min(10, len(y))
            bad = (z[-answers:].argmax(-1) != y[-answers:]).any(0)
        wrong.append(bad.mean())
    return np.array(wrong)


@pytest.mark.parametrize(
    ("changes", "task", "lengths"),
    [
        ({}, "temporal-order", [12, 10, 45]),
        ({"cell": "lstm", "bias": "chrono"}, "temporal-order", [30]),
        ({"task": "temporal-order-lengths", "length": 40}, "temporal-order", [40, 17]),
        ({"task": "adding-sum"}, "adding-sum", [12, 25]),
        ({"task": "copying", "length": 21, "cell": "gru"}, "copying", [24]),
        ({"task": "agreement"}, "agreement-varying", [12]),
    ],
)
def test_errors_are_those_of_the_weights_run_by_hand(changes, task, lengths):
    e = replace(SMALL, **changes)
    found = last(e, lengths=lengths, n=600, task="" if task == TASKS[e.task].of_one_length or task == e.task else task, seed=5)
    assert found.task == task and found.n == 600 and found.steps == 30 and found.lengths.tolist() == lengths
    for length, wrong in zip(lengths, found.wrong, strict=True):
        np.testing.assert_allclose(wrong, by_hand(e, 30, task, length, 600, seed=5), atol=2 / 600)  # an output may be on the edge
    assert found.seconds > 0 and (found.diverged_step == -1).all()


def test_it_ends_where_the_networks_have_solved_the_task():
    e = Experiment(task="permutation", length=3, hidden=12, replicas=2, steps=4000, lr=0.02, input_scale=1.0)
    found = last(e, lengths=[3, 4], n=300, until="solved")
    solved = SolvedSteps(e)
    *_, record = records_until(e, "solved", solved)
    assert (found.solved_step == solved.steps).all() and (solved.steps >= 0).all()
    assert found.steps == record.step + 1 < e.steps
    assert (found.wrong[0] <= 0.05).all()


def test_the_result_grows_length_by_length_and_does_not_depend_on_the_others():
    parts = [part for part in other_lengths.study(SMALL, lengths=[10, 14], n=260) if not isinstance(part, Progress)]
    assert [part.wrong.shape for part in parts] == [(1, 3), (2, 3)]
    again = last(SMALL, lengths=[14], n=260)
    assert np.array_equal(again.wrong[0], parts[1].wrong[1]) and np.array_equal(parts[0].wrong[0], parts[1].wrong[0])
    other = last(SMALL, lengths=[14], n=260, seed=1)
    assert not np.array_equal(other.wrong, again.wrong)


def test_little_is_held_at_once(monkeypatch):
    """The tape of the tests is that of a piece of time, however long the sequences are."""
    tapes, init = [], bptt.Tape.__init__
    monkeypatch.setattr(other_lengths, "PIECE", 2**16)
    monkeypatch.setattr(
        bptt.Tape, "__init__", lambda self, cell, p, T, B: (tapes.append((self, B)), init(self, cell, p, T, B))[1]
    )
    last(replace(SMALL, steps=1), lengths=[3000], n=400)
    (tape,) = [tape for tape, B in tapes if B == other_lengths.PORTION]
    assert tape.nbytes <= 4 * 2 * 2**16


def test_a_network_that_has_diverged_has_no_errors():
    e = replace(PRESETS["explodes"].experiment, gain=2.0, steps=40)
    found = last(e, lengths=[30], n=50)
    assert (found.diverged_step >= 0).any()
    assert np.array_equal(np.isnan(found.wrong[0]), found.diverged_step >= 0)


@pytest.mark.parametrize(
    ("e", "options", "words"),
    [
        (SMALL, {"lengths": []}, "lengths must be a list of 1 to 32 whole numbers"),
        (SMALL, {"lengths": 5}, "lengths must be a list"),
        (SMALL, {"lengths": [9]}, "a length must be at least 10 for the task 'temporal order, 2 symbols', got 9"),
        (SMALL, {"lengths": [10_001]}, "a length must be a whole number from 0 to 10000"),
        (SMALL, {"lengths": [12.0]}, "a length must be a whole number"),
        (SMALL, {"lengths": [12], "n": 0}, "n must be at least 1"),
        (SMALL, {"lengths": [12], "n": True}, "n must be a whole number"),
        (SMALL, {"lengths": [12], "seed": -1}, "seed must be a whole number"),
        (SMALL, {"lengths": [12], "until": "soon"}, "until must be one of"),
        (SMALL, {"lengths": [12], "task": "adding"}, "one of the tasks temporal-order, got 'adding'"),
        (SMALL, {"lengths": [50], "task": "temporal-order-lengths"}, "got 'temporal-order-lengths'"),
        (replace(SMALL, task="words"), {"lengths": [12]}, "a task whose sequences have one length, got 'words'"),
    ],
)
def test_options_are_refused_in_words(e, options, words):
    with pytest.raises(ValueError) as error:
        list(other_lengths.study(e, **options))
    assert words in str(error.value)
