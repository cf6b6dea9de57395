"""Series: the example and the ready networks, an error and free runs, a table that is brought, and what cannot be used."""

import numpy as np
import pytest
from apptest import linked, prose, state, until

from pages.components.network import picture
from pages.series import NETWORKS
from rnnkit.engine.weights import draw_weights
from rnnkit.experiment import Experiment
from rnnkit.tasks.data import STORE

pytestmark = pytest.mark.usefixtures("nothing_given")
QUICK = {"v": "1", "task": "sine", "length": "20", "steps": "20", "hidden": "6", "replicas": "2", "cell": "gru"}
VALUES = np.round(np.sin(np.arange(400)[:, None] / [3, 5]), 3)
TABLE = "day;speed;height\n" + "\n".join(f"2020-{i};{a:g};{b:g}".replace(".", ",") for i, (a, b) in enumerate(VALUES))


def bring(at, data, inputs="", outputs="", ahead=1):
    field = next(w for w in at.file_uploader if w.label.startswith("A table of numbers"))
    field.set_value([("mine.csv", data.encode(), "text/csv")])
    at.text_input(key="series_given_inputs").set_value(inputs)
    at.text_input(key="series_given_outputs").set_value(outputs)
    at.number_input(key="series_given_ahead").set_value(ahead)
    next(b for b in at.button if b.label == "Read these numbers").click().run()
    assert not at.exception
    return at


def test_another_task_gets_the_example_in_training_and_buttons_train_others(app):
    at = app(page="series")
    first = next(iter(NETWORKS.values()))
    assert not at.exception and linked(at) == first.experiment and state(at).playback.playing
    assert first.text in prose(at) and "as in Jaeger & Haas 2004. It is right within 0.05 standard deviations" in prose(at)
    for i, network in enumerate(NETWORKS.values()):
        at.button(key=f"series_network_{i}").click().run()
        assert not at.exception and linked(at) == network.experiment and network.text in prose(at)


def test_an_error_and_free_runs(app):
    at = until(app(QUICK, page="series"), lambda at: "Error of 50 free runs" in prose(at))
    said = prose(at)
    assert "Network 1 predicts held-out numbers with an error of **" in said and "*Same as now* has 0.05." in said
    assert "One free run. From the dashed line on" in said
    assert "No weight through time is trained in a reservoir" not in said
    at.number_input(key="series_horizon").set_value(30).run()
    until(at, lambda at: "Error of 50 free runs" in prose(at))
    assert not at.error


def test_a_table_is_trained_on(app):
    at = bring(app(QUICK, page="series"), TABLE)
    e = linked(at)
    assert e.task == "series" and e.data == next(iter(STORE)) and (e.hidden, e.length) == (6, 20)
    np.testing.assert_array_equal(STORE.get(e.data).values, VALUES)
    for words in (
        "**mine.csv**: 400 rows.",
        "Read as 3 columns between semicolons, names in the first line; decimal comma",
        "Left out, as they hold no numbers: day.",
        "Reads speed, height; predicts speed, height, 1 row ahead.",
    ):
        assert words in prose(at)
    until(at, lambda at: "One free run, the first of its numbers." in prose(at))
    at.button(key="series_network_0").click().run()
    assert linked(at).data == e.data and linked(at).cell == "esn" and linked(at).length == 106, "as long as its rows allow"
    at.button(key="series_example").click().run()
    assert (linked(at).task, linked(at).data) == ("series", "") and not at.exception


def test_columns_of_the_same_row_cannot_run_freely(app):
    at = bring(app(QUICK, page="series"), TABLE, "height", "speed", 0)
    assert "Reads height; predicts speed, in the same row." in prose(at)
    until(at, lambda at: "It cannot run freely: not every number that it reads is one that it predicts" in prose(at))
    assert "Same as now" not in prose(at).split("What exactly")[0] and "series_horizon" not in {w.key for w in at.number_input}


@pytest.mark.parametrize(
    ("data", "inputs", "expected"),
    [
        ("just words", "", "expected a column of numbers, found none in"),
        (TABLE.replace("0,327", "<b>cold"), "", "expected a number with a decimal comma, got"),
        (TABLE, "Speed", "no column is called 'Speed': valid are day, speed, height"),
        ("1\n2\n", "", "expected at least 50 rows"),
    ],
)
def test_a_table_that_cannot_be_used_is_told_and_loses_nothing(app, data, inputs, expected):
    at = app(QUICK, page="series")
    before = linked(at)
    bring(at, data, inputs)
    assert any(error.value.startswith("This cannot be used: ") and expected in error.value for error in at.error)
    assert linked(at) == before and not len(STORE)


def test_a_window_longer_than_the_series_is_told(app):
    at = bring(app(QUICK, page="series"), TABLE)
    at.number_input(key=session_key(at)).set_value(300).run()
    assert not at.exception and linked(at).length == 20
    assert any("length may be at most 106 for the task 'numbers of a table'" in error.value for error in at.error)


def session_key(at):
    return next(w.key for w in at.number_input if w.label.startswith("Sequence length"))


@pytest.mark.parametrize(("task", "outputs"), [("mackey-glass", ["y"]), ("series", ["y[0]", "y[1]", "y[2]"])])
def test_the_network_page_draws_numbers_beside_the_right_ones(task, outputs):
    e = Experiment(task=task, length=20, hidden=5, replicas=1)
    batch = e.bound_task.example(20)
    drawn = picture(e, draw_weights(e, 0), batch)
    lane = drawn["lanes"][-1]
    right = ", ".join(f"{v:.3f}" for v in batch.y[-1, 0])
    assert lane["units"] == outputs and drawn["answer"] == right
    assert lane["kind"] == f"{'number' if len(outputs) == 1 else 'numbers'}; right: {right}"
    np.testing.assert_array_equal(drawn["lanes"][0]["loop"][-1], batch.x[-1, 0])
    assert len(drawn["W_in"]) == len(drawn["lanes"][0]["units"]) == e.bound_task.n_in


@pytest.mark.parametrize("page", ["network", "vanishing", "exploding", "lab"])
def test_other_pages_open_on_several_numbers(app, page):
    at = until(app(QUICK | {"task": "series"}, page=page), lambda at: len(prose(at)) > 200)
    assert not at.exception and not at.error
