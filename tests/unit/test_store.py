"""The results store: what is put comes back, under its own Experiment alone, and the file stays within its bound."""

import math
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import platformdirs
import pytest
from stored_results import TINY, rows_of

from rnnkit import Experiment
from rnnkit.sweep import store as store_module
from rnnkit.sweep.row import Row
from rnnkit.sweep.store import Store, run_key
from rnnkit.sweep.store_file import store_path


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "results.sqlite") as store:
        yield store
    assert store.warnings == []


def test_what_is_put_comes_back(store):
    assert store.get(TINY) is None
    store.put(TINY, rows_of(TINY))
    assert store.get(TINY) == rows_of(TINY)
    with Store(store.file.path) as again:
        assert again.get(TINY) == rows_of(TINY)


def test_numbers_survive_bit_for_bit(store):
    e = replace(TINY, replicas=5)
    numbers = [0.1 + 0.2, 0.0, 5e-324, -math.inf, 1.7976931348623157e308]
    rows = [Row(r, r, None, x, r, x, math.inf, 2**40, x) for r, x in enumerate(numbers)]
    store.put(e, rows)
    assert store.get(e) == rows


def test_nan_survives(store):
    store.put(TINY, rows_of(TINY, accuracy=math.nan, ratio_before=math.nan, ratio_after=math.nan, seconds=math.nan))
    for row in store.get(TINY):
        assert all(math.isnan(x) for x in (row.accuracy, row.ratio_before, row.ratio_after, row.seconds))


def test_numbers_of_numpy_come_back_as_pythons(store):
    rows = rows_of(TINY, solved_step=np.int64(2), accuracy=np.float32(0.5), diverged_step=np.int32(1), steps=np.int64(3))
    store.put(TINY, [replace(row, network=np.int64(row.network), seed=np.int64(row.seed)) for row in rows])
    row = store.get(TINY)[1]
    assert row == replace(rows[1], accuracy=0.5)
    assert [type(x) for x in (row.network, row.seed, row.solved_step, row.accuracy, row.steps)] == [int, int, int, float, int]


def test_many_come_back_in_the_order_of_the_question(store):
    all_ = [replace(TINY, seed=10 * k) for k in range(1200)]  # more than one statement asks for
    for e in all_[::2]:
        store.put(e, rows_of(e))
    found = store.get_many([(e, "end") for e in reversed(all_)])
    assert found == [rows_of(e) if e.seed % 20 == 0 else None for e in reversed(all_)]
    assert store.get_many([]) == []


def test_a_run_to_the_end_is_not_one_until_solved(store):
    store.put(TINY, rows_of(TINY), "solved")
    assert store.get(TINY) is None and store.get(TINY, "solved") == rows_of(TINY)


def test_a_stored_run_stays_as_it_is(store):
    store.put(TINY, rows_of(TINY))
    store.put(TINY, rows_of(TINY, seconds=9.0))
    assert store.get(TINY) == rows_of(TINY)


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"replicas": 3}, {"lr": 0.004}, {"fixes": ()}, {"task": "corpus", "data": "0" * 16}]
)
def test_every_setting_counts(store, change):
    """Data too, which an Experiment names by the digest of their content."""
    store.put(TINY, rows_of(TINY))
    assert store.get(replace(TINY, **change)) is None


def test_results_of_another_program_do_not_count(store, monkeypatch):
    store.put(TINY, rows_of(TINY))
    monkeypatch.setattr(store_module, "program_digest", lambda: "another")
    assert store.get(TINY) is None
    monkeypatch.undo()
    assert store.get(TINY) == rows_of(TINY)


def test_the_key_does_not_depend_on_how_an_experiment_was_made():
    e = Experiment(cell="lstm", bias="chrono", fixes=("ar:2", "clip-norm:1"))
    keys = {run_key(other, "end") for other in (e, Experiment.from_json(e.to_json()), Experiment.from_query(e.to_query())[0])}
    assert len(keys) == 1


@pytest.mark.parametrize(
    "rows", [rows_of(TINY)[:1], rows_of(TINY)[::-1], rows_of(replace(TINY, seed=1)), [], rows_of(replace(TINY, replicas=3))]
)
def test_rows_of_other_networks_are_refused(store, rows):
    with pytest.raises(ValueError, match=r"expected 2 rows, of network r with seed 0 \+ r; got \d"):
        store.put(TINY, rows)
    assert store.get(TINY) is None


def test_several_threads_use_one_store(store):
    experiments = [replace(TINY, seed=10 * k) for k in range(60)]

    def work(mine):
        for e in mine:
            store.put(e, rows_of(e))
            assert store.get(e) == rows_of(e)

    threads = [threading.Thread(target=work, args=(experiments[k::3] + experiments[::7],)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get_many([(e, "end") for e in experiments]) == [rows_of(e) for e in experiments]


# ---- where it is


def test_off_keeps_results_in_memory_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RNNKIT_STORE", "OFF")
    with Store() as store:
        store.put(TINY, rows_of(TINY))
        assert store.get(TINY) == rows_of(TINY) and store.warnings == []
    assert list(tmp_path.iterdir()) == []


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setenv("RNNKIT_STORE", "off")
    monkeypatch.setattr(store_module, "MAX_MEMORY_ROWS", 10)
    experiments = [replace(TINY, seed=10 * k) for k in range(8)]
    with Store() as store:
        for e in experiments:
            store.put(e, rows_of(e))
        assert [store.get(e) is not None for e in experiments] == [False] * 3 + [True] * 5


def test_the_environment_names_a_file_or_a_folder(tmp_path, monkeypatch):
    for named, made in ((tmp_path / "new" / "mine.db", "new/mine.db"), (tmp_path, "results.sqlite")):
        monkeypatch.setenv("RNNKIT_STORE", str(named))
        with Store() as store:
            store.put(TINY, rows_of(TINY))
        assert (tmp_path / made).is_file()


def test_otherwise_it_is_in_the_users_data_folder(monkeypatch):
    monkeypatch.delenv("RNNKIT_STORE", raising=False)
    assert store_path() == Path(platformdirs.user_data_dir("rnnkit", appauthor=False)) / "results.sqlite"


# ---- its bound


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "much", "1000001"])
def test_an_invalid_bound_is_named(tmp_path, monkeypatch, text):
    monkeypatch.setenv("RNNKIT_STORE_MB", text)
    with pytest.raises(ValueError, match=r"RNNKIT_STORE_MB must be a whole number from 1 to 1,000,000, got"):
        Store(tmp_path / "results.sqlite")


def test_the_least_recently_used_goes_first(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNKIT_STORE_MB", "1")
    monkeypatch.setattr(store_module, "TOUCH_SECONDS", 0)
    experiments = [replace(TINY, seed=1000 * k, replicas=100) for k in range(300)]
    used = experiments[0]
    with Store(tmp_path / "results.sqlite") as store:
        for e in experiments:
            store.put(e, rows_of(e))
            assert store.get(used) == rows_of(used)
        found = [rows is not None for rows in store.get_many([(e, "end") for e in experiments])]
        settings = store.file.attempt(lambda db: db.execute("SELECT COUNT(*) FROM settings").fetchone(), None)
    assert found[0] and not found[1]
    assert found[2:] == sorted(found[2:]) and 50 < sum(found) < 299, "the oldest are gone, the newest are there"
    assert settings == (1,)
    assert 0.5e6 < (tmp_path / "results.sqlite").stat().st_size < 1.2e6


def test_a_read_of_recently_used_runs_writes_nothing(tmp_path):
    with Store(tmp_path / "results.sqlite") as store:
        store.put(TINY, rows_of(TINY))
        before = store.file.attempt(lambda db: db.total_changes, None)
        store.get(TINY)
        assert store.file.attempt(lambda db: db.total_changes, None) == before
