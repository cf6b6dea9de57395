"""Windows of a series: targets, washout, what is held out, baselines, normalisation, free running by brute force."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from rnnkit.charts.free_run import error_chart, error_text, run_chart, run_text
from rnnkit.corpus import CorpusError, Series
from rnnkit.engine.evaluation import Evaluation
from rnnkit.engine.losses import right_answers
from rnnkit.engine.trainer import init_params
from rnnkit.experiment import Experiment, ExperimentError
from rnnkit.results.free_run import FreeRun
from rnnkit.studies import STUDIES, free_run
from rnnkit.studies.networks import network
from rnnkit.tasks import TASKS
from rnnkit.tasks.base import shared_evaluation
from rnnkit.tasks.data import STORE
from rnnkit.tasks.forecast import Forecast, forecast_text
from rnnkit.tasks.series import example_series

NAMES = [name for name, task in TASKS.items() if isinstance(task, Forecast)]
TABLE = np.random.default_rng(0).normal(size=(120, 3)).cumsum(0) * [1, 50, 1e-4] + [0, 1e4, 3]


def stored(inputs=("a", "b", "c"), outputs=("a", "b", "c"), ahead=1, values=TABLE):
    return STORE.put(Series("mine", ("a", "b", "c"), values, inputs, outputs, ahead))


@pytest.fixture(autouse=True)
def _forget():
    yield
    STORE.clear()


def bound(**options):
    return TASKS["series"].with_data(stored(**options), 2000)


def test_the_tasks():
    assert NAMES == ["sine", "mackey-glass", "series"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("length", [10, 11, 61])
def test_a_window_has_a_target_after_its_first_quarter(name, length):
    task = TASKS[name]
    x, y = task.rows()
    batch = task.windows(length, np.array([0, 5, 700]))
    for n, start in enumerate([0, 5, 700]):
        assert np.array_equal(batch.x[:, n], x[start : start + length])
        assert np.array_equal(batch.y[:, n], y[start + length // 4 : start + length])
    assert len(batch.y) == task.n_targets(length) == length - length // 4
    assert np.array_equal(batch.y[:-1], batch.x[length // 4 + 1 :]), "one step ahead"


@pytest.mark.parametrize("ahead", [0, 1, 7])
@pytest.mark.parametrize("length", [10, 23])
def test_no_held_out_target_is_a_training_target_or_read_before_it(ahead, length):
    """Rows are told apart by their number: values that rise by one a row."""
    values = np.arange(360.0).reshape(120, 3)
    task = bound(inputs=("a", "b"), outputs=("c",) if not ahead else ("a", "c"), ahead=ahead, values=values)
    when = {"x": values[:, 0], "y": values[:, 2]}

    def times(batch):
        x = task.as_written(batch.x, task.series.inputs)[..., 0]
        y = task.as_written(batch.y, task.series.outputs)[..., -1]
        return [np.rint(np.interp(v, when[k], np.arange(120))).astype(int) for k, v in (("x", x), ("y", y))]

    first, last = task.starts(length, False)
    train = times(task.windows(length, np.arange(first, last + 1)))
    first, last = task.starts(length, True)
    held_out = times(task.windows(length, np.arange(first, last + 1)))
    for x, y in (train, held_out):
        assert np.array_equal(y, x[length // 4 :] + ahead)
    assert train[1].max() < held_out[1].min() and held_out[1].max() == 119 and train[0].min() == 0
    assert train[1].max() + 1 == held_out[1].min(), "no row is left out between"
    drawn = [times(task.draw(length, 500, np.random.default_rng(0), side)) for side in (False, True)]
    assert drawn[0][1].max() < drawn[1][1].min()
    assert times(shared_evaluation(task, length))[1].min() == held_out[1].min()
    assert task.starts(task.max_length, True)[0] >= 0
    for side in (False, True):
        with pytest.raises(ValueError, match=f"can have at most {task.max_length} steps, got 500"):
            task.draw(500, 1, np.random.default_rng(0), side)


def test_the_longest_window_fits_and_one_step_more_does_not():
    for rows in range(51, 75):
        task = bound(values=TABLE[:rows])
        for side in (False, True):
            task.starts(task.max_length, side)
        with pytest.raises(ValueError, match="can have at most"):
            task.starts(task.max_length + 1, True)


def test_the_evaluation_covers_the_held_out_part_without_an_overlap():
    for name in NAMES:
        task = TASKS[name]
        for length in (10, 50, 333):
            starts = task.starts(length, True)
            batch, K = shared_evaluation(task, length), task.n_targets(length)
            at = np.linspace(*starts, batch.x.shape[1]).astype(int)
            assert np.array_equal(batch.x, task.windows(length, at).x) and batch.x.shape[1] == task.evaluation_size(length)
            assert len(at) == 1 or np.diff(at).min() >= K


def test_numbers_are_normalised_by_the_training_part_alone():
    task = bound()
    changed = TABLE.copy()
    changed[96:] *= 3
    other = bound(values=changed)
    x, y = other.rows()
    assert np.array_equal(task.rows().x[:96], x[:96])
    train = changed[:96]
    np.testing.assert_allclose(x, ((changed - train.mean(0)) / train.std(0))[:-1], rtol=1e-12)
    np.testing.assert_allclose(y, ((changed - train.mean(0)) / train.std(0))[1:], rtol=1e-12)
    np.testing.assert_allclose(other.as_written(x, ("a", "b", "c")), changed[:-1], rtol=1e-12)
    digits = other.labels(x[:3])
    assert digits == [", ".join(f"{v:.3g}" for v in row) for row in changed[:3]]
    assert other.answer(y[:5]) == ", ".join(f"{v:.3g}" for v in changed[5])
    assert other.example_labels(12)[-1].count(" → ") == 1


def test_columns_in_and_out():
    task = bound(inputs=("c", "a"), outputs=("b",), ahead=0)
    assert (task.n_in, task.n_out, task.present, task.fed_back) == (2, 1, (), ())
    x, y = task.rows()
    assert len(x) == len(y) == 120
    np.testing.assert_allclose(task.as_written(x, ("c", "a")), TABLE[:, [2, 0]], rtol=1e-12)
    np.testing.assert_allclose(task.as_written(y, ("b",)), TABLE[:, [1]], rtol=1e-12)
    assert set(task.baselines(10)) == {"chance"}
    task = bound(inputs=("c", "a"), outputs=("a", "c"))
    assert (task.present, task.fed_back) == ((1, 0), (1, 0))
    assert bound(inputs=("c", "a"), outputs=("a", "c"), ahead=2).fed_back == ()
    assert bound(inputs=("c", "a"), outputs=("a",)).fed_back == ()
    assert bound(inputs=("c",), outputs=("a", "c")).fed_back == (1,)


@pytest.mark.parametrize("name", NAMES)
def test_baselines_by_brute_force(name):
    task = TASKS[name]
    batch = shared_evaluation(task, 40)
    tolerance = np.sqrt(task.max_squared_error)
    right = [
        all(abs(batch.x[10 + k, n, o] - batch.y[k, n, o]) <= tolerance for o in range(task.n_out))
        for k in range(30)
        for n in range(batch.x.shape[1])
    ]
    found = task.baselines(40)
    assert list(found) == ["chance", "same as now"] and found["same as now"] == pytest.approx(np.mean(right))
    text = forecast_text(task, 40, np.array([0.5, 0.25, 0.125]))
    same = np.sqrt(np.mean(np.square(batch.x[10:] - batch.y)))
    mean = np.sqrt(np.mean(np.square(batch.y)))
    assert text.endswith(f": 0.25 (median of 3 networks), {same:.3g} (same as now), {mean:.3g} (the mean).")
    assert "no network is left" in forecast_text(task, 40, np.array([]))


def test_what_counts_as_right_is_what_the_task_states():
    z, y = torch.tensor([0.0, 0.049, 0.051, 0.19, 0.21, np.nan])[None, None, :, None], torch.zeros(1, 1, 6, 1)
    assert right_answers(z, y, TASKS["sine"].max_squared_error).tolist() == [[[True, True, False, False, False, False]]]
    assert right_answers(z, y, TASKS["series"].max_squared_error).tolist() == [[[True, True, True, True, False, False]]]
    assert right_answers(z, y).tolist() == right_answers(z, y, TASKS["adding"].max_squared_error).tolist()
    both = torch.cat([z, 0 * z], -1)
    assert right_answers(both, torch.zeros(1, 1, 6, 2), 0.0025)[0, 0].tolist()[:3] == [True, True, False]
    for name, within in (("sine", "0.05"), ("mackey-glass", "0.05"), ("series", "0.2")):
        assert f"right within {within} standard deviations" in TASKS[name].about
        assert TASKS[name].max_squared_error == pytest.approx(float(within) ** 2)
    e = Experiment(task="mackey-glass", length=40, hidden=4, replicas=2)
    p = {k: torch.zeros_like(W) for k, W in init_params(e, torch.float64).items()}
    p["b_out"][1] = -1.5
    batch = shared_evaluation(e.bound_task, 40)
    by_hand = [(np.abs(batch.y - guess) <= 0.05).mean() for guess in (0, -1.5)]
    assert Evaluation(e, p).accuracy() == pytest.approx(by_hand)
    assert Evaluation(e, p).squared_error() == pytest.approx([np.square(batch.y - guess).mean() for guess in (0, -1.5)])


def test_an_experiment_says_what_length_fits_its_series():
    digest = stored()
    e = Experiment(task="series", data=digest, length=32)
    assert e.bound_task.max_length == 32
    with pytest.raises(ExperimentError, match="length may be at most 32 for the task 'numbers of a table' on these data, got 33"):
        replace(e, length=33).bound_task  # noqa: B018
    assert Experiment(task="mackey-glass", length=10_000).bound_task.max_length > 10_000
    with pytest.raises(ExperimentError, match="not here"):
        Experiment(task="series", data="0" * 16, length=20).bound_task  # noqa: B018
    with pytest.raises(ExperimentError, match="not here"):
        Experiment(task="words", data=digest, length=20).bound_task  # noqa: B018


def test_the_example_is_lorenzs_system():
    """Its derivative by central differences, and its two lobes."""
    values = example_series().values
    assert values.shape == (8000, 3) and (values[:, 2] > 0).all() and values[:, 0].min() < -15 and values[:, 0].max() > 15
    x, y, z = values.T
    right = np.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z], 1)
    slopes = (values[2:] - values[:-2]) / 0.1
    assert np.corrcoef(slopes.ravel(), right[1:-1].ravel())[0, 1] > 0.98
    assert np.linalg.norm(slopes) / np.linalg.norm(right[1:-1]) == pytest.approx(1, abs=0.15)


# ---- free running


def by_hand(p, read, order, horizon):
    """The state step by step, and its own outputs back as inputs; (horizon, O)."""
    W_in, W_rec, b, W_out, b_out = (p[k][0].numpy() for k in ("W_in", "W_rec", "b", "W_out", "b_out"))
    h, found, leak = np.zeros(len(W_rec)), [], float(p["leak"]) if "leak" in p else 1
    for t in range(len(read) + horizon - 1):
        x = read[t] if t < len(read) else found[-1][list(order)]
        h = (1 - leak) * h + leak * np.tanh(x @ W_in + h @ W_rec + b[0])
        if t >= len(read) - 1:
            found.append(h @ W_out + b_out[0])
    return np.array(found)


@pytest.mark.parametrize(("cell", "settings"), [("tanh", {}), ("esn", {"leak": 0.3, "ridge": 1e-4})])
@pytest.mark.parametrize("data", ["mackey-glass", "example", "two"])
def test_free_running_by_brute_force(cell, settings, data):
    digest = stored(inputs=("c", "a"), outputs=("a", "c")) if data == "two" else ""
    task = "mackey-glass" if data == "mackey-glass" else "series"
    e = Experiment(task=task, data=digest, length=20, cell=cell, hidden=8, batch=4, steps=20, replicas=2, **settings)
    horizon = 30
    *_, found = STUDIES["free_run"](e, step=20, replica=1, horizon=horizon)
    (p, _), bound_task = _last(network(e, 20, 1)), e.bound_task
    x, y = bound_task.rows()
    train, H = bound_task.n_trained(), min(horizon, len(x) - bound_task.n_trained())
    assert {"two": 24}.get(data, 30) == H and found.error.shape == found.same.shape == (H,)
    last_read = np.arange(train, len(x) - H + 1)
    last_read = last_read[np.linspace(0, len(last_read) - 1, min(50, len(last_read))).astype(int)]
    assert last_read[0] == train and last_read[-1] + H == len(x) and found.n == len(last_read)
    errors, same = [], []
    for t in last_read:
        free = by_hand(p, x[t - 19 : t + 1], bound_task.fed_back, H)
        errors.append(np.square(free - y[t : t + H]).mean(1))
        same.append(np.square(x[t, list(bound_task.present)] - y[t : t + H]).mean(1))
        if t == train:
            np.testing.assert_allclose(found.free, free, rtol=1e-7, atol=1e-9)
            np.testing.assert_array_equal(found.true, y[t - 19 : t + H])
    np.testing.assert_allclose(found.error, np.sqrt(np.mean(errors, 0)), rtol=1e-6)
    np.testing.assert_allclose(found.same, np.sqrt(np.mean(same, 0)), rtol=1e-12)
    batch = shared_evaluation(bound_task, 20)
    wrong = [
        np.square(by_hand(p, batch.x[: k + 1, n], (), 1)[0] - batch.y[k - 5, n]).mean()
        for n in range(batch.x.shape[1])
        for k in range(5, 20)
    ]
    assert found.one_step == pytest.approx(np.sqrt(np.mean(wrong)), rel=1e-6)
    assert found.mean_one_step == pytest.approx(np.sqrt(np.square(batch.y).mean()))
    np.testing.assert_allclose(found.mean, [np.sqrt(np.square(y[last_read + k]).mean()) for k in range(H)], rtol=1e-12)


def _last(generator):
    while True:
        try:
            next(generator)
        except StopIteration as end:
            return end.value


def test_free_running_is_of_forecasts_whose_outputs_can_be_fed_back():
    with pytest.raises(ValueError, match="needs one of the tasks sine, mackey-glass, series; got 'agreement'"):
        list(free_run.study(Experiment()))
    e = Experiment(task="series", data=stored(inputs=("a", "b"), outputs=("c",), ahead=0), length=20, hidden=4, steps=1)
    *_, found = free_run.study(e)
    assert (
        found.error.shape == found.same.shape == found.free.shape == (0,) and np.isnan(found.same_one_step) and found.one_step > 0
    )
    for horizon in (-1, 1001, 2.5, "5", True):
        with pytest.raises(ValueError, match="horizon must be a whole number from 0 to 1000"):
            list(free_run.study(e, horizon=horizon))
    *_, found = free_run.study(replace(e, data="", task="sine"), horizon=0)
    assert found.error.shape == (0,)
    with pytest.raises(CorpusError):
        stored(inputs=("a",), outputs=("a",), ahead=0)


def test_the_charts_show_the_first_run_and_the_errors():
    true, free = np.arange(24.0).reshape(12, 2), np.arange(10.0).reshape(5, 2)
    found = FreeRun(0.1, 0.2, 2.0, np.array([1e-9, 0.1, 1, 50, np.nan]), np.full(5, 0.5), np.full(5, 2.0), true, free, 7, -1)
    begin, lines = run_chart(found).to_dict()["layer"]
    data = {name: rows for spec in (run_chart(found), error_chart(found)) for name, rows in spec.to_dict()["datasets"].items()}
    rows = data[lines["data"]["name"]]
    assert [(r["step"], r["number"]) for r in rows if r["who"] == "true"] == [(k - 6, 2.0 * k) for k in range(12)]
    assert [(r["step"], r["number"]) for r in rows if r["who"] != "true"] == [(k + 1, 2.0 * k) for k in range(5)]
    assert data[begin["data"]["name"]] == [{"step": 0.5}]
    rows = data[error_chart(found).to_dict()["data"]["name"]]
    assert [r["error"] for r in rows] == [1e-4, 0.1, 1, 10, 10, *[0.5] * 5, *[2.0] * 5], "within the axis; NaN and inf at its end"
    assert "A free run of 5 steps: true numbers from 0 to 22, the network's own predictions from 0 to 8" in run_text(found)
    assert error_text(found).endswith("1e-09 after 1, nan after 5; of the last true number 0.5, of the mean 2.")
