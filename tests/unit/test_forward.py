"""What the page about recurrent networks draws: the numbers against the engine in float64, and which steps are drawn."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from short_trainings import fitting

from rnnkit.analysis.activations import example, new_value, read, read_alone, slots, window
from rnnkit.engine import bptt
from rnnkit.engine.cells import CELLS
from rnnkit.engine.weights import draw_weights
from rnnkit.experiment import Experiment
from rnnkit.tasks import TASKS
from rnnkit.tasks.forecast import Forecast

SMALL = Experiment(length=12, hidden=9)


def engine(e, weights, x):
    """Each part (T, H) and the outputs (T, O), from the engine in float64."""
    cell, p = CELLS[e.cell], {name: torch.from_numpy(W)[None] for name, W in weights.items()}
    tape = bptt.forward(cell, p, torch.from_numpy(x)[:, None, None])
    z = bptt.readout(p, tape.h)[:, 0, 0]
    outputs = z.softmax(-1) if e.loss == "cross_entropy" else z
    return {part: s[:, 0, 0].numpy() for part, s in zip(cell.parts, tape.s, strict=True)}, outputs.numpy()


@pytest.mark.parametrize("task", ["agreement", "adding"])
@pytest.mark.parametrize("cell", CELLS)
def test_activations_are_the_engines(cell, task):
    e = replace(SMALL, **fitting(cell, gain=0.9), task=task)
    weights, x = draw_weights(e, 3), example(e).x[:, 0]
    if "b_rec" in weights:
        weights["b_rec"] = np.random.default_rng(1).standard_normal(weights["b_rec"].shape)
    parts, outputs = engine(e, weights, x)
    found = read(e, weights, x)
    assert list(found.parts) == list(CELLS[cell].parts)
    for part, s in parts.items():
        assert np.abs(found.parts[part] - s).max() < 1e-10
        assert np.ptp(s) > 1e-3
    assert np.abs(found.outputs - outputs).max() < 1e-10


@pytest.mark.parametrize("task", ["agreement", "adding"])
@pytest.mark.parametrize("cell", CELLS)
def test_without_the_loop_every_step_is_the_first(cell, task):
    e = replace(SMALL, cell=cell, task=task)
    weights, x = draw_weights(e, 0), example(e).x[:, 0]
    found = read_alone(e, weights, x)
    for t in range(e.length):
        parts, outputs = engine(e, weights, x[t : t + 1])
        for part, s in parts.items():
            assert np.abs(found.parts[part][t] - s[0]).max() < 1e-10
        assert np.abs(found.outputs[t] - outputs[0]).max() < 1e-10


def test_the_columns_that_make_the_new_value():
    for name, column in {"lstm": "a_g", "gru": "a_n"}.items():
        assert CELLS[name].columns[new_value(CELLS[name])] == column
    assert all(new_value(cell) == 0 for cell in CELLS.values() if cell.gates == 1)


# ---- the sequence ----


@pytest.mark.parametrize("task", TASKS)
def test_the_example_is_the_one_under_the_heatmap(task):
    e = replace(SMALL, task=task, length=30)
    batch = example(e)
    labels = TASKS[task].labels(batch.x[:, 0])
    words = 30 if batch.lengths is None else batch.lengths[0]
    labels[: 30 - words] = [""] * (30 - words)
    assert [*labels[:-1], f"{labels[-1]} → {TASKS[task].answer(batch.y[:, 0])}"] == TASKS[task].example_labels(30)


@pytest.mark.parametrize("task", [name for name in TASKS if name.startswith("agreement")])
def test_the_two_versions_differ_in_the_subject_alone(task):
    original = example(replace(SMALL, task=task, length=40))
    found = TASKS[task].versions(original)
    assert list(found) == ["singular", "plural"]
    one, many = (batch.x[:, 0] for batch in found.values())
    (subject,) = TASKS[task].landmarks(original.x[:, 0])
    assert np.flatnonzero(one != many).tolist() == [subject]
    assert TASKS[task].labels(one)[subject - 1] == "the"
    assert [TASKS[task].answer(batch.y[:, 0]) for batch in found.values()] == ["was", "were"]
    same = [batch for batch in found.values() if np.array_equal(batch.x, original.x)]
    assert len(same) == 1 and np.array_equal(same[0].y, original.y)


def test_a_subject_and_its_plural():
    e = replace(SMALL, length=10)
    words = {n: TASKS["agreement"].labels(b.x[:, 0])[1] for n, b in TASKS["agreement"].versions(example(e)).items()}
    assert words == {"singular": "farmer", "plural": "farmers"}


LANDMARKS = {name: {"A", "B"} for name in ("temporal-order", "temporal-order-3", "temporal-order-lengths")}
LANDMARKS["xor"] = {"0*", "1*"}


@pytest.mark.parametrize("task", [name for name in TASKS if not name.startswith("agreement")])
def test_landmarks_are_what_the_answer_depends_on(task):
    e = replace(SMALL, task=task, length=40)
    x, kind = example(e).x[:, 0], TASKS[task]
    found, labels = kind.landmarks(x), kind.labels(x)
    if task in LANDMARKS:
        assert found == [t for t, label in enumerate(labels) if label in LANDMARKS[task]]
    elif task == "latch":
        assert found == [0, 1, 2]
    elif isinstance(kind, Forecast):
        assert found == [0]  # every number before it may count
    elif kind.loss == "squared_error":
        assert found == [t for t, label in enumerate(labels) if label != "·"] and len(found) == 2
    else:
        assert found == [kind.evidence_step(40)]
    assert not kind.versions(example(e))


# ---- what is drawn ----


@pytest.mark.parametrize("room", [4, 6, 8, 10])
@pytest.mark.parametrize(
    "length, important", [(3, [0]), (6, [1]), (11, [1]), (12, [5]), (100, [1]), (100, [17, 56]), (1000, [400])]
)
def test_a_window_fits_and_shows_the_end_and_what_matters(length, important, room):
    found = window(length, important, room)
    assert found == sorted(set(found)) and found[0] >= 0 and found[-1] == length - 1
    assert slots(found, length) <= room
    assert important[-1] in found or room == 4
    gaps = [b - a - 1 for a, b in zip([-1, *found], [*found, length], strict=True)]
    assert 1 not in gaps, "where one step is missing, it fits in place of the gap"
    if length <= room:
        assert found == list(range(length))


def test_windows_by_hand():
    assert window(100, [1], 10) == [0, 1, 2, 3, 4, 96, 97, 98, 99]
    assert window(100, [1], 6) == [0, 1, 2, 98, 99]
    assert window(100, [17, 56], 6) == [17, 56, 99]
    assert slots([17, 56, 99], 100) == 6 and slots([0, 1, 98, 99], 100) == 5
