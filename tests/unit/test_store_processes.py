"""Several processes at one results store, and processes that are killed while they write."""

import random
import sqlite3
import time
from contextlib import closing
from dataclasses import replace

from stored_results import TINY, rows_of, start_python

from rnnkit.sweep.store import Store

WRITE = """
import sys, pathlib
from stored_results import TINY, rows_of
from dataclasses import replace
from rnnkit.sweep.store import Store
path, first, last = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
with Store(path) as store:
    for k in range(first, last):
        e = replace(TINY, seed=10 * k, replicas=5)
        store.put(e, rows_of(e))
        print(k, flush=True)
    assert not store.warnings, store.warnings
"""


def experiment(k):
    return replace(TINY, seed=10 * k, replicas=5)


def whole(path):
    """Returns the numbers of the stored runs; each has all of its networks, once."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        runs = "SELECT runs.seed, COUNT(networks.run) FROM runs LEFT JOIN networks ON networks.run = runs.id GROUP BY runs.id"
        found = db.execute(runs).fetchall()
    assert {n for _, n in found} <= {5} and len({seed for seed, _ in found}) == len(found)
    return {seed // 10 for seed, _ in found}


def test_nothing_is_lost_or_doubled_by_ten_kills(tmp_path):
    """A run that put() has stored is there after kill -9 at any moment; at most the one being written is there besides."""
    path, moments, stored = tmp_path / "results.sqlite", random.Random(0), set()
    for n in range(10):
        process = start_python(WRITE, path, 1000 * n, 1000 * n + 1000)
        stored.add(int(process.stdout.readline()))
        time.sleep(moments.uniform(0, 0.15))
        process.kill()
        stored |= {int(line) for line in process.stdout.read().split("\n")[:-1]}
        assert process.wait(60) != 0, "it was killed before its end"
        process.stdout.close()
        found = whole(path)
        assert stored <= found and len(found - stored) <= n + 1
    with Store(path) as store:
        assert store.get_many([(experiment(k), "end") for k in sorted(found)]) == [rows_of(experiment(k)) for k in sorted(found)]
        assert store.warnings == []


def test_two_processes_write_the_same_runs(tmp_path):
    """They begin a new store at the same time; of the runs that both have each is stored once."""
    path = tmp_path / "results.sqlite"
    processes = [start_python(WRITE, path, first, first + 200) for first in (0, 100)]
    for process in processes:
        assert len(process.communicate(timeout=100)[0].split()) == 200
        assert process.returncode == 0
    assert whole(path) == set(range(300))


def test_a_process_sees_at_once_what_another_one_stores(tmp_path):
    path = tmp_path / "results.sqlite"
    with Store(path) as store:
        assert store.get(experiment(0)) is None
        process = start_python(WRITE, path, 0, 3)
        assert [process.stdout.readline() for _ in range(3)] and process.wait(60) == 0
        process.stdout.close()
        assert store.get(experiment(2)) == rows_of(experiment(2))


def test_torch_is_not_loaded(tmp_path, in_fresh_python):
    code = (
        "import sys, rnnkit.sweep.store, rnnkit.sweep.store_query, rnnkit.cli.results\n"
        "from rnnkit import Experiment\n"
        "with rnnkit.sweep.store.Store() as store: print(store.get(Experiment()), store.warnings, 'torch' in sys.modules)"
    )
    assert in_fresh_python(code, RNNKIT_STORE=str(tmp_path / "results.sqlite")).split() == ["None", "[]", "False"]
