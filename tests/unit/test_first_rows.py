"""The first rows of the default run are shown while no training process is ready, and give way to those that are trained."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from pool_runs import SHORT, wait

from rnnkit import train
from rnnkit.engine.history import History
from rnnkit.serving import first_rows
from rnnkit.serving.limits import Limits
from rnnkit.serving.recordings import arrays_of
from rnnkit.serving.run import Run
from rnnkit.serving.run_pool import RunPool
from rnnkit.stories.presets import DEFAULT, PRESETS


@pytest.fixture(scope="module")
def records():
    return list(islice(train(first_rows.experiment()), first_rows.ROWS + 5))


def shows_recording(e):
    return Run(e, first_rows.recorded(e), recorded=True, trained=History(e))


def test_the_recorded_rows_are_those_of_the_default_experiment(records):
    e = first_rows.experiment()
    assert e == PRESETS[DEFAULT].experiment
    found, trained = first_rows.recorded(e), History.of(e, records)
    assert found.n == first_rows.ROWS and found.causes == trained.causes[: found.n]
    for name, array in arrays_of(found).items():  # on another processor up to rounding
        expected = arrays_of(trained)[name][: found.n]
        assert np.allclose(array[: found.n], expected, rtol=1e-2, equal_nan=True), name


def test_no_other_experiment_has_recorded_rows(monkeypatch, tmp_path):
    assert first_rows.recorded(replace(first_rows.experiment(), seed=1)) is None
    np.savez(tmp_path / "other.npz", key=np.array("another program's"))
    monkeypatch.setattr(first_rows, "FILE", tmp_path / "other.npz")
    assert first_rows.recorded(first_rows.experiment()) is None


def test_the_rows_that_a_reader_has_never_become_fewer(records):
    run = shows_recording(first_rows.experiment())
    recording = run.history
    for n, record in enumerate(records, 1):
        before = run.history.n
        run.append(record)
        assert run.history.n >= before and (run.history is recording) == (n < first_rows.ROWS)
    assert run.history.n == len(records) and run.origin == "" and not run.recorded
    assert np.array_equal(run.history.loss[: len(records)], np.stack([r.loss for r in records]))


def test_it_says_where_the_rows_come_from(records):
    run = shows_recording(first_rows.experiment())
    assert run.origin == "recorded, until the training here is as far"
    for record in records[:-5]:
        run.append(record)
    assert run.origin == ""
    assert Run(SHORT, History(SHORT), recorded=True).origin == "recorded before"


def test_a_pool_shows_them_until_its_process_has_come_as_far(records):
    e = first_rows.experiment()
    pool = RunPool(Limits(workers=1, idle_seconds=600))
    try:
        run = pool.get(e)
        assert run.history.n == first_rows.ROWS and run.origin and not run.done
        pool.watch(run, "me", len(records))
        wait(lambda: run.history.n == len(records))
        assert not run.origin
        expected = History.of(e, records)
        for name, array in arrays_of(run.history).items():
            assert np.array_equal(array[: run.history.n], arrays_of(expected)[name][: run.history.n], equal_nan=True), name
        other = pool.get(replace(e, seed=1))
        pool.runs.clear()
        assert pool.get(e).history.n == 0 == other.history.n, "a process is ready: it trains"
    finally:
        pool.close()
