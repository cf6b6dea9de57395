"""Recordings: a run that was trained to its end is read in another process as it was; damage, bounds, a disk that refuses."""

import logging
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
from pool_runs import SHORT, assert_same, wait

from rnnkit import Experiment, train
from rnnkit.engine.history import History
from rnnkit.engine.record import pack, unpack
from rnnkit.serving import recordings
from rnnkit.serving.limits import Limits
from rnnkit.serving.recordings import Recordings, recording_of, restore
from rnnkit.serving.run_pool import RunPool

WORDS = replace(SHORT, task="words", length=6)  # a loss at every step
RUNS = {
    "agreement": SHORT,
    "a loss at every step": WORDS,
    "two parts of the state": replace(SHORT, cell="lstm"),
    "NaN": replace(SHORT, length=20, cell="relu", gain=3, fixes=(), optimizer="sgd", lr=1.0),
}


def trained(e):
    return History.of(e, train(e))


def same(a, b):
    names = [name for name, value in vars(a).items() if isinstance(value, np.ndarray)]
    assert {"loss", "state_grad", "state_grad_all", "gate"} <= set(names) and a.causes == b.causes
    for name in names:
        assert np.array_equal(getattr(a, name), getattr(b, name), equal_nan=True), name
    assert_same(a, b)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(recordings, "MIN_SECONDS", 0.0)
    return tmp_path / "recordings"


def loaded(store, e):
    found = []
    store.load(e, found.append)
    assert store.wait(30)
    return found[0]


@pytest.mark.parametrize("e", RUNS.values(), ids=RUNS)
def test_a_recording_restores_the_run_bit_for_bit(folder, e):
    run = trained(e)
    Recordings(folder, "program").save(e, run, 12.5)
    other = Recordings(folder, "program")
    wait(lambda: any(folder.glob("*.run")))
    found, history = loaded(other, e), History(e)
    assert restore(history, found) and found["seconds"] == 12.5
    same(history, run)
    assert (history.state_grad_all is history.state_grad) == (run.state_grad_all is run.state_grad)


def test_another_server_has_it_at_once_and_trains_nothing(folder):
    limits = Limits(workers=1, idle_seconds=600)
    first = RunPool(limits, recordings=Recordings(folder, "program"))
    run = first.get(SHORT)
    first.watch(run, "me", run.rows)
    wait(lambda: run.done)
    assert first.recordings.wait(30)
    first.close()
    second = RunPool(limits, recordings=Recordings(folder, "program"))
    again = second.get(SHORT)
    second.watch(again, "me", again.rows)
    assert second.recordings.wait(30) and again.done and again.seconds == run.seconds > 0
    same(again.history, run.history)
    assert not [w for w in second.workers if w.run], "no worker has it"
    second.close()


def test_a_run_without_a_recording_is_trained(folder):
    pool = RunPool(Limits(workers=1, idle_seconds=600), recordings=Recordings(folder, "program"))
    run = pool.get(SHORT)
    pool.watch(run, "me", run.rows)
    wait(lambda: run.done)
    pool.close()
    assert_same(run.history, trained(SHORT))


def test_a_recording_of_another_program_is_not_read(folder):
    store = Recordings(folder, "one program")
    store.save(SHORT, trained(SHORT), 1.0)
    assert store.wait(30)
    assert loaded(Recordings(folder, "another one"), SHORT) is None
    assert loaded(Recordings(folder, "one program"), replace(SHORT, seed=5)) is None


def test_short_runs_and_files_of_the_user_are_not_recorded(tmp_path):
    folder, run = tmp_path / "recordings", trained(SHORT)
    store = Recordings(folder, "program")
    store.save(SHORT, run, recordings.MIN_SECONDS / 2)
    assert store.wait(30) and not folder.exists()
    assert not Recordings.takes(Experiment(task="corpus", data="0123456789abcdef"))
    assert Recordings.takes(Experiment(task="corpus"))  # the example


@pytest.mark.parametrize("damage", [b"", b"\x00" * 90, b'{"values": {}, "arrays": {"loss": ["<f8", [99999]]}}\n', None])
def test_a_damaged_recording_is_deleted_or_left_and_the_run_is_trained(folder, damage):
    store = Recordings(folder, "program")
    store.save(SHORT, trained(SHORT), 1.0)
    assert store.wait(30)
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[:-20] if damage is None else damage)
    assert loaded(store, SHORT) is None and not path.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"loss": np.zeros(3)},
        {"loss": None},
        {"causes": 3},
        {"causes": []},
        {"seconds": None},
        {"state_grad": np.zeros((7, 1, 10, 2))},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_recording_of_other_shapes_changes_nothing(wrong):
    history, whole = History(SHORT), unpack(pack(recording_of(trained(SHORT), 1.0)))
    assert not restore(history, whole | wrong) and history.n == 0 and np.isnan(history.loss).all()


def test_the_least_recently_used_go_first_and_the_newest_stays(folder):
    runs = [replace(SHORT, seed=seed) for seed in range(4)]
    size = len(pack(recording_of(trained(SHORT), 1.0)))
    store = Recordings(folder, "program", max_megabytes=2.5 * size / 2**20)
    for i, e in enumerate(runs[:2]):
        store.save(e, trained(e), 1.0)
        assert store.wait(30)
        os.utime(store._path(e), (i, i))
    assert loaded(store, runs[0])  # used now
    store.save(runs[2], trained(runs[2]), 1.0)
    assert store.wait(30)
    assert [bool(loaded(store, e)) for e in runs[:3]] == [True, False, True]
    tiny = Recordings(folder, "program", max_megabytes=0)
    tiny.save(runs[3], trained(runs[3]), 1.0)
    assert tiny.wait(30) and [p for p in folder.iterdir()] == [tiny._path(runs[3])]


def test_a_disk_that_refuses_is_a_warning_and_the_run_stays(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(recordings, "MIN_SECONDS", 0.0)
    folder = tmp_path / "a file"
    folder.write_text("no folder")
    store = Recordings(folder, "program")
    with caplog.at_level(logging.WARNING, "rnnkit"):
        for _ in range(2):
            store.save(SHORT, trained(SHORT), 1.0)
            assert store.wait(30)
    assert sum("recordings" in record.getMessage() for record in caplog.records) == 1
    assert loaded(store, SHORT) is None

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recordings.os, "replace", full)
    other = Recordings(tmp_path / "full", "program")
    other.save(SHORT, trained(SHORT), 1.0)
    assert other.wait(30) and not list((tmp_path / "full").iterdir()), "nothing half written stays"
    shutil.rmtree(tmp_path / "full")
    assert loaded(other, SHORT) is None, "a folder that is removed meanwhile"
