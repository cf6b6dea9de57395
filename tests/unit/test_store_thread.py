"""A store behind a thread: what has ended is known at once, and nobody waits for the disk."""

import threading
import time

import pytest
from stored_results import TINY, rows_of

from rnnkit import Experiment
from rnnkit.sweep.store import Store
from rnnkit.sweep.store_thread import StoreThread

OTHER = Experiment(length=11, replicas=2)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.sqlite"


def test_rows_are_stored_and_come_back_in_another_server(path):
    first = StoreThread(lambda: Store(path))
    assert first.get([TINY], seconds=30) == ({}, True)
    first.put(TINY, rows_of(TINY))
    assert first.get([TINY]) == ({TINY: rows_of(TINY)}, True)
    assert first.wait(30)
    again = StoreThread(lambda: Store(path))
    assert again.get([TINY, OTHER], seconds=30) == ({TINY: rows_of(TINY)}, True)


def test_what_is_stored_is_under_the_stores_own_key(path):
    """`rnnkit sweep` finds it."""
    rows = StoreThread(lambda: Store(path))
    rows.put(TINY, rows_of(TINY))
    assert rows.wait(30)
    with Store(path) as store:
        assert store.get(TINY, "solved") == rows_of(TINY) and store.get(TINY, "end") is None


class Slow(Store):
    """A disk that answers when `go` is set."""

    def __init__(self, path):
        super().__init__(path)
        self.go = threading.Event()

    def get_many(self, all):
        self.go.wait(60)
        return super().get_many(all)

    def put(self, *args):
        self.go.wait(60)
        super().put(*args)


def test_a_slow_disk_makes_nobody_wait(path):
    disk = Slow(path)
    rows = StoreThread(lambda: disk)
    begin = time.monotonic()
    assert rows.get([TINY], seconds=0.05) == ({}, False), "not read yet"
    rows.put(TINY, rows_of(TINY))
    assert rows.get([TINY, OTHER]) == ({TINY: rows_of(TINY)}, False)
    assert not rows.wait(0.05)
    assert time.monotonic() - begin < 20, "the disk would take 60 s"
    disk.go.set()
    assert rows.wait(30) and rows.get([TINY, OTHER]) == ({TINY: rows_of(TINY)}, True)
    with Store(path) as store:
        assert store.get(TINY, "solved") == rows_of(TINY)


class Broken(Store):
    """A disk that fails in a way that Store does not foresee."""

    def get_many(self, all):
        raise RuntimeError("no disk")

    def put(self, *args):
        raise RuntimeError("no disk")


def test_a_failing_disk_leaves_the_rows_in_memory(path, caplog):
    rows = StoreThread(lambda: Broken(path))
    assert rows.get([TINY], seconds=30) == ({}, True), "nothing is stored, as far as it can be known"
    rows.put(TINY, rows_of(TINY))
    assert rows.wait(30) and rows.get([TINY]) == ({TINY: rows_of(TINY)}, True)
    assert "no disk" in caplog.text


def test_a_store_that_cannot_be_opened_leaves_the_rows_in_memory(monkeypatch, caplog):
    monkeypatch.setenv("RNNKIT_STORE_MB", "many")
    rows = StoreThread()
    assert rows.get([TINY], seconds=30) == ({}, True)
    rows.put(TINY, rows_of(TINY))
    assert rows.wait(30) and rows.get([TINY]) == ({TINY: rows_of(TINY)}, True)
    assert "RNNKIT_STORE_MB must be a whole number" in caplog.text


def test_a_warning_of_the_store_is_logged_once(tmp_path, caplog):
    (tmp_path / "file").write_text("x")
    rows = StoreThread(lambda: Store(tmp_path / "file" / "below.sqlite"))
    rows.put(TINY, rows_of(TINY))
    rows.put(OTHER, rows_of(OTHER))
    assert rows.wait(30) and rows.get([TINY, OTHER])[0].keys() == {TINY, OTHER}
    assert len([r for r in caplog.records if "results store" in r.getMessage()]) == 1
