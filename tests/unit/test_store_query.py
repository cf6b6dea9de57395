"""Questions to the results store: which runs, their summaries, tables of their networks, and what is removed."""

import csv
import io
import math
from dataclasses import replace

import pandas as pd
import pytest
from stored_results import TINY, rows_of

from rnnkit import Experiment
from rnnkit.engine.backends import BACKENDS, BackendError
from rnnkit.experiment import ExperimentError
from rnnkit.sweep import digest, store_query
from rnnkit.sweep import store as store_module
from rnnkit.sweep.store import Store
from rnnkit.sweep.store_export import COLUMNS, write_csv, write_parquet
from rnnkit.sweep.store_query import count, networks, prune, select, select_backend, summaries

EXPERIMENTS = {
    "tanh": replace(TINY, fixes=("omega:0.5", "clip-norm:1")),
    "long": replace(TINY, length=50, lr=0.01, fixes=("clip-norm:1@7",)),
    "lstm": replace(TINY, cell="lstm", length=100, lr=0.3, fixes=(), schedule="cosine", warmup=3),
    "esn": Experiment(cell="esn", length=10, hidden=4, replicas=2, seed=7),
}


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "results.sqlite") as store:
        for e in EXPERIMENTS.values():
            store.put(e, rows_of(e))
        yield store
    assert store.warnings == []


def chosen(store, **filters):
    """The names of the runs that these filters select."""
    found = [
        network
        for chunk in networks(store, select({k: [v] if isinstance(v, str) else v for k, v in filters.items()}))
        for network in chunk
    ]
    values = {name: {k: v for k, v in e.to_dict().items() if k not in ("seed", "replicas")} for name, e in EXPERIMENTS.items()}
    return [name for name, settings in values.items() if any(network.settings == settings for network in found)]


@pytest.mark.parametrize(
    "filters, names",
    [
        ({}, ["tanh", "long", "lstm", "esn"]),
        ({"cell": "lstm"}, ["lstm"]),
        ({"cell": "lstm, esn"}, ["lstm", "esn"]),
        ({"length": "50.."}, ["long", "lstm"]),
        ({"length": "..50"}, ["tanh", "long", "esn"]),
        ({"length": "11..99"}, ["long"]),
        ({"length": "10,100"}, ["tanh", "lstm", "esn"]),
        ({"length": "10,60..100", "cell": "tanh,lstm"}, ["tanh", "lstm"]),
        ({"lr": "0.3"}, ["lstm"]),
        ({"lr": "..1"}, ["tanh", "long", "lstm"]),  # a reservoir has no learning rate
        ({"schedule": "cosine,linear"}, ["lstm"]),
        ({"schedule": "constant"}, ["tanh", "long"]),  # which no file names
        ({"warmup": "..2"}, ["tanh", "long"]),
        ({"warmup": "0,3"}, ["tanh", "long", "lstm"]),
        ({"seed": "7"}, ["esn"]),
        ({"replicas": "3.."}, []),
        ({"fixes": "omega"}, ["tanh"]),
        ({"fixes": "clip-norm"}, ["tanh", "long"]),
        ({"fixes": "clip-norm:1"}, ["tanh"]),
        ({"fixes": ["clip-norm", "omega"]}, ["tanh"]),
        ({"fixes": "none"}, ["lstm", "esn"]),
        ({"data": ""}, []),  # agreement has no data
    ],
)
def test_filters(store, filters, names):
    assert chosen(store, **filters) == names


def test_real_numbers_are_found_as_they_are_written(store):
    """SQLite reads 0.30000000000000004 out of JSON with its own rounding."""
    values = [0.1 + 0.2, 1 / 3, 1e-15 * 7, 999.9999999999999]
    for k, lr in enumerate(values):
        e = replace(TINY, lr=lr, seed=100 * k + 100)
        store.put(e, rows_of(e))
    for lr in values:
        assert [s.settings["lr"] for s in summaries(store, select({"lr": [repr(lr)]})) if s.settings["lr"] != 0.3] == [lr]


def test_every_invalid_filter_is_named():
    filters = {"length": ["5..x"], "cell": ["lsmt"], "lr": [".."], "hidden": ["9..3"], "fixes": ["no-such"], "seed": [""]}
    with pytest.raises(ExperimentError) as caught:
        select(filters)
    assert caught.value.problems.keys() == filters.keys()
    assert caught.value.problems["lr"] == "lr must be values and ranges such as 50, 5,10,20, 50.., ..100 or 50..100, got '..'"
    assert caught.value.problems["hidden"] == "hidden must be a range from low to high, got '9..3'"


# ---- summaries


def test_a_summary_counts_networks_of_all_seeds(store):
    for seed, solved in ((10, True), (20, False), (30, True)):
        e = replace(TINY, seed=seed)
        store.put(e, rows_of(e, solved, diverged_step=None if solved else 1))
    (found,) = summaries(store, select({"cell": ["tanh"], "length": ["10"], "seed": ["1.."]}))
    assert (found.runs, found.networks, found.solved, found.diverged) == (3, 6, 4, 2)
    assert found.seconds == pytest.approx(0.6)
    assert found.settings == {k: v for k, v in TINY.to_dict().items() if k not in ("seed", "replicas")} and found.until == "end"


def test_networks_of_one_seed_count_once(store):
    """Runs of seeds 100..101, 100..104, 104..105 and 105..109; the stored first is the one that counts."""
    for seed, replicas in ((100, 2), (100, 5), (104, 2), (105, 5)):
        e = replace(TINY, seed=seed, replicas=replicas)
        store.put(e, rows_of(e, solved=seed == 100))
    (found,) = summaries(store, select({"cell": ["tanh"], "length": ["10"], "seed": ["100.."]}))
    assert found.runs == 4
    assert (found.networks, found.solved) == (10, 5)


def test_to_the_end_and_until_solved_stand_apart(store):
    store.put(TINY, rows_of(TINY), "solved")
    store.put(TINY, rows_of(TINY), "end")
    found = summaries(store, select({"fixes": ["clip-norm:1"], "length": ["10"], "seed": ["0"]}))
    assert sorted((s.until, s.runs) for s in found if s.settings["fixes"] == ["clip-norm:1.0"]) == [("end", 1), ("solved", 1)]


def test_results_of_another_program_are_stale(store, monkeypatch):
    monkeypatch.setattr(digest, "with_backend", lambda name: f"a later {name}")
    assert summaries(store, select({})) == []
    assert len(summaries(store, select({}, stale=True))) == 4
    store.put(TINY, rows_of(TINY))
    assert prune(store, select({}, stale=True)) == 4
    assert store.get(TINY) == rows_of(TINY)
    assert store.file.attempt(lambda db: db.execute("SELECT digest FROM programs").fetchone(), None) == ("a later torch",)


def test_results_of_another_backend_are_not_stale(store, monkeypatch):
    monkeypatch.setenv("RNNKIT_BACKEND", "compiled")
    assert summaries(store, select({})) == [] and prune(store, select({}, stale=True)) == 0
    store.put(TINY, rows_of(TINY))
    assert {name: count(store, select_backend(name)) for name in BACKENDS} == {"torch": 4, "compiled": 1}
    monkeypatch.delenv("RNNKIT_BACKEND")
    assert prune(store, select({}, stale=True)) == 0 and len(summaries(store, select({}))) == 4


def test_an_unknown_backend_chooses_no_results(store, monkeypatch):
    monkeypatch.setenv("RNNKIT_BACKEND", "compield")
    for stale in (False, True):
        with pytest.raises(BackendError, match="RNNKIT_BACKEND must be one of torch, compiled, got 'compield'"):
            select({}, stale)
    with pytest.raises(BackendError):
        store.put(TINY, rows_of(TINY))


# ---- tables


def table(store, write=write_csv):
    sink = io.BytesIO()
    write(networks(store, select({})), sink)
    return sink.getvalue()


def test_a_table_holds_every_network(store, monkeypatch):
    monkeypatch.setattr(store_query, "CHUNK", 3)  # so that a second answer is needed
    rows = list(csv.DictReader(io.StringIO(table(store).decode())))
    assert list(rows[0]) == list(COLUMNS) and len(rows) == 8
    e = EXPERIMENTS["tanh"]
    assert rows[1]["fixes"] == "omega:0.5,clip-norm:1.0" and rows[1]["seed"] == "1" and rows[1]["replicas"] == "2"
    assert [float(rows[1][name]) for name in ("accuracy", "ratio_before", "ratio_after")] == [0.1, 1e-7, math.inf]
    assert rows[-1]["lr"] == "" and rows[-1]["cell"] == "esn" and rows[0]["diverged_step"] == ""
    made = Experiment(**{name: e.to_dict()[name] for name in e.to_dict() if name not in ("seed", "replicas")}, replicas=2, seed=0)
    assert made == e, "a row names its Experiment"


def test_parquet_holds_what_csv_does(store, tmp_path):
    store.put(replace(TINY, seed=50), rows_of(replace(TINY, seed=50), accuracy=math.nan, solved=False))
    (tmp_path / "table.parquet").write_bytes(table(store, write_parquet))
    found, expected = pd.read_parquet(tmp_path / "table.parquet"), pd.read_csv(io.BytesIO(table(store)), dtype={"data": object})
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, check_exact=True)
    assert found.accuracy.isna().sum() == 2 and found.ratio_after.iloc[0] == math.inf


def test_a_table_without_networks_has_its_columns(store):
    prune(store, select({}))
    assert table(store).decode() == ",".join(COLUMNS) + "\n"
    assert list(pd.read_parquet(io.BytesIO(table(store, write_parquet))).columns) == list(COLUMNS)


def test_a_store_that_cannot_be_read_is_an_error(store):
    store.file.close()
    assert summaries(store, select({})) is None and prune(store, select({})) is None
    with pytest.raises(RuntimeError, match="cannot be read"):
        table(store)


# ---- removal


def test_prune_removes_the_runs_and_what_only_they_had(store):
    assert prune(store, select({"cell": ["tanh"]})) == 2
    assert chosen(store) == ["lstm", "esn"]
    counts = [
        store.file.attempt(lambda db, t=t: db.execute(f"SELECT COUNT(*) FROM {t}").fetchone()[0], None)
        for t in ("networks", "settings")
    ]
    assert counts == [4, 2]
    assert prune(store, select({})) == 2


def test_prune_by_the_last_use(store, monkeypatch):
    day = 86_400
    now = store_module.time.time()
    monkeypatch.setattr(store_module.time, "time", lambda: now + 20 * day)
    assert store.get(EXPERIMENTS["lstm"]) is not None
    monkeypatch.setattr(store_module.time, "time", lambda: now + 40 * day)
    assert prune(store, select({}, older_than=30)) == 3
    assert chosen(store) == ["lstm"]


def test_prune_gives_the_space_back(store):
    for k in range(100):
        e = replace(TINY, seed=1000 * k, replicas=100)
        store.put(e, rows_of(e))
    before = store.file.path.stat().st_size
    prune(store, select({}))
    assert store.file.path.stat().st_size < before / 4
