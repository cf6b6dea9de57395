"""The file of the results store: old, newer, foreign, damaged, read-only, on a full disk. Nothing of this stops a program."""

import os
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace

import pytest
from conftest import ROOT
from stored_results import TINY, rows_of, start_python

from rnnkit.sweep import store as store_module
from rnnkit.sweep import store_schema
from rnnkit.sweep.digest import program_digest
from rnnkit.sweep.store import Store, run_key

OTHER = replace(TINY, seed=100)
VERSION_1 = """
PRAGMA application_id = 1919839851;
CREATE TABLE programs (id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, versions TEXT NOT NULL);
CREATE TABLE settings (id INTEGER PRIMARY KEY, json TEXT NOT NULL UNIQUE);
CREATE TABLE runs (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, program INTEGER NOT NULL, settings INTEGER NOT NULL,
    until TEXT NOT NULL, seed INTEGER NOT NULL, replicas INTEGER NOT NULL, solved INTEGER NOT NULL, diverged INTEGER NOT NULL,
    seconds REAL, stored REAL NOT NULL);
CREATE INDEX summary ON runs (program, settings, until, seed, replicas DESC, solved, diverged, seconds);
CREATE TABLE networks (run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, network INTEGER NOT NULL, seed INTEGER NOT NULL,
    solved_step INTEGER, accuracy REAL, diverged_step INTEGER, ratio_before REAL, ratio_after REAL, steps INTEGER NOT NULL,
    seconds REAL, PRIMARY KEY (run, network)) WITHOUT ROWID;
PRAGMA user_version = 1;
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.sqlite"


@pytest.fixture
def full(path):
    """A closed store of 40 runs."""
    with Store(path) as store:
        for k in range(40):
            e = replace(TINY, seed=1000 * k, replicas=50)
            store.put(e, rows_of(e))
        store.put(TINY, rows_of(TINY))
    return path


def version_1(path):
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(VERSION_1)
        db.execute("INSERT INTO programs VALUES (1, ?, 'this one')", (program_digest(),))
        db.execute("INSERT INTO settings VALUES (1, '{}')")
        db.execute("INSERT INTO runs VALUES (1, ?, 1, 1, 'end', 0, 2, 2, 0, 0.2, 12345.5)", (run_key(TINY, "end"),))
        for r in rows_of(TINY):
            values = (1, r.network, r.seed, r.solved_step, r.accuracy, None, r.ratio_before, r.ratio_after, r.steps, r.seconds)
            db.execute("INSERT INTO networks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)


def asked(path, question):
    with closing(sqlite3.connect(path)) as db:
        return db.execute(question).fetchall()


def goes_on(store):
    """A run that is put comes back, wherever it is."""
    store.put(OTHER, rows_of(OTHER))
    return store.get(OTHER) == rows_of(OTHER)


# ---- versions


def test_a_store_of_version_1_is_brought_up_to_date(path):
    version_1(path)
    with closing(store_schema.open_store(path)) as db:
        assert db.execute("SELECT last_used FROM runs").fetchall() == [(12345.5,)]
    with Store(path) as store:
        assert store.get(TINY) == rows_of(TINY) and goes_on(store) and store.warnings == []
    assert asked(path, "PRAGMA user_version") == [(2,)]
    fresh = path.with_name("fresh.sqlite")
    with Store(fresh):
        pass
    schema = "SELECT type, name, REPLACE(REPLACE(sql, ' ', ''), char(10), '') FROM sqlite_master ORDER BY name"
    assert asked(path, schema) == asked(fresh, schema)


def test_a_migration_that_is_broken_off_leaves_the_old_store(path, monkeypatch):
    version_1(path)
    broken = (*store_schema.MIGRATIONS[1][:-1], "CREATE INDEX last_used ON nothing (last_used)")
    monkeypatch.setattr(store_schema, "MIGRATIONS", (store_schema.MIGRATIONS[0], broken))
    with pytest.raises(sqlite3.OperationalError):
        store_schema.open_store(path)
    assert asked(path, "PRAGMA user_version") == [(1,)]
    assert "last_used" not in asked(path, "SELECT sql FROM sqlite_master WHERE name = 'runs'")[0][0]
    monkeypatch.undo()
    with Store(path) as store:
        assert store.get(TINY) == rows_of(TINY)


def test_a_newer_store_is_refused_and_left_as_it_is(full):
    with closing(sqlite3.connect(full)) as db, db:
        db.execute("PRAGMA user_version = 3")
    before = full.read_bytes()
    with Store(full) as store:
        assert goes_on(store) and store.get(TINY) is None
        (warning,) = store.warnings
    assert "is of version 3, from a newer rnnkit; this one reads versions 1 to 2, and is left as it is" in warning
    assert [path.name for path in full.parent.iterdir()] == [full.name] and full.read_bytes() == before


def test_a_database_of_another_program_is_left_as_it_is(path):
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE bookmarks (address TEXT)")
    before = path.read_bytes()
    with Store(path) as store:
        assert goes_on(store) and "is a database of another program" in store.warnings[0]
    assert path.read_bytes() == before


def test_a_store_that_another_process_begins_is_waited_for(path, monkeypatch):
    """The change to WAL can fail at once, without SQLite's own waiting: in 1 of 1,700 starts of 8 threads at a time."""
    prepare, calls = store_schema._prepare, []

    def busy_at_first(db):
        calls.append(db)
        if len(calls) < 3:
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise error
        prepare(db)

    monkeypatch.setattr(store_schema, "_prepare", busy_at_first)
    with Store(path) as store:
        assert goes_on(store) and store.warnings == [] and len(calls) == 3
    assert path.is_file()


# ---- damage


def overwrite(path):
    path.write_bytes(b"no database " * 1000)


def cut_off(path):
    path.write_bytes(path.read_bytes()[:5000])


def without_a_table(path):
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DROP TABLE networks")


@pytest.mark.parametrize("damage", [overwrite, cut_off, without_a_table])
def test_a_damaged_store_is_set_aside(full, damage):
    damage(full)
    content = full.read_bytes()
    with Store(full) as store:
        assert store.get(TINY) is None
        assert goes_on(store)
        (warning,) = store.warnings
    (aside,) = full.parent.glob("results.sqlite.damaged-????-??-??-??????")
    assert "was damaged (" in warning and f"it is {aside.name} now, a new one began." in warning
    assert aside.read_bytes() == content
    with Store(full) as store:
        assert store.get(OTHER) == rows_of(OTHER) and store.warnings == []


@pytest.mark.parametrize("damage", [cut_off, without_a_table, lambda path: path.write_bytes(path.read_bytes()[:10])])
def test_a_damaged_store_of_another_name_is_set_aside_too(full, damage):
    named = full.rename(full.with_name("mine.db"))
    damage(named)
    with Store(named) as store:
        assert goes_on(store) and "was damaged (" in store.warnings[0]
    assert len(list(named.parent.glob("mine.db.damaged-*"))) == 1


def of_another_program(path):
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE bookmarks (address TEXT)")
    path.write_bytes(path.read_bytes()[:3000])


@pytest.mark.parametrize("write", [lambda path: path.write_text("my,precious\n1,2\n"), overwrite, of_another_program])
def test_a_file_that_is_no_store_is_left_as_it_is(tmp_path, write):
    path = tmp_path / "prec.csv"
    write(path)
    content = path.read_bytes()
    with Store(path) as store:
        assert goes_on(store)
        (warning,) = store.warnings
    assert "prec.csv is no results store (" in warning
    assert "): expected one, or the name of a new file, and is left as it is: results stay in memory." in warning
    assert path.read_bytes() == content and list(tmp_path.iterdir()) == [path]


def test_damage_that_is_met_later_is_set_aside_too(full):
    """The header is sound, and pages behind it are not."""
    size = full.stat().st_size
    with open(full, "r+b") as file:
        file.seek(8192)
        file.write(random.Random(0).randbytes(size - 8192))
    with Store(full) as store:
        assert store.get(TINY) is None
        assert goes_on(store)
    assert len(list(full.parent.glob("results.sqlite.damaged-*"))) == 1
    with Store(full) as store:
        assert store.get(OTHER) == rows_of(OTHER) and store.warnings == []


def test_two_damaged_stores_get_names_of_their_own(full):
    for _ in range(2):
        overwrite(full)
        with Store(full) as store:
            assert goes_on(store)
    assert len(list(full.parent.glob("results.sqlite.damaged-*"))) == 2


OPEN = """
import sys, pathlib
from stored_results import TINY, rows_of
from dataclasses import replace
from rnnkit.sweep.store import Store
e = replace(TINY, seed=int(sys.argv[2]))
with Store(pathlib.Path(sys.argv[1])) as store:
    store.put(e, rows_of(e))
"""


def test_two_processes_meet_a_damaged_store(path):
    overwrite(path)
    processes = [start_python(OPEN, path, seed) for seed in (10, 20)]
    assert [process.wait(60) for process in processes] == [0, 0]
    with Store(path) as store:
        assert all(store.get(replace(TINY, seed=seed)) for seed in (10, 20)) and store.warnings == []
    assert len(list(path.parent.glob("results.sqlite.damaged-*"))) == 1


def test_a_process_that_was_killed_while_it_set_a_store_aside_stops_no_other(path):
    overwrite(path)
    lock = path.with_name(f"{path.name}.lock")
    lock.touch()
    os.utime(lock, times=(0, 0))
    with Store(path) as store:
        assert goes_on(store) and "a new one began" in store.warnings[0]
    assert not lock.exists()


# ---- the disk


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with Store(tmp_path / "file" / "results.sqlite") as store:
        assert goes_on(store)
        assert len(store.warnings) == 1 and "could not be written" in store.warnings[0]


@pytest.fixture
def with_full_disk(full):
    """The store, and 20 runs that it could not write. The bound is SQLite's own, whose error is that of a full disk."""
    with Store(full) as store:
        pages = store.file.attempt(lambda db: db.execute("PRAGMA page_count").fetchone()[0], None)
        store.file.attempt(lambda db: db.execute(f"PRAGMA max_page_count = {pages}"), None)
        experiments = [replace(TINY, seed=5000 + 1000 * k, replicas=300) for k in range(20)]
        for e in experiments:
            store.put(e, rows_of(e))
        with Store(full) as other:
            assert other.get(experiments[-1]) is None
        yield store, experiments


def room(store):
    store.file.attempt(lambda db: db.execute("PRAGMA max_page_count = 100000"), None)


def written(path, experiments):
    with Store(path) as other:
        return [other.get(e) for e in experiments] == [rows_of(e) for e in experiments]


def test_on_a_full_disk_results_stay_in_memory(with_full_disk):
    store, experiments = with_full_disk
    assert [store.get(e) for e in experiments] == [rows_of(e) for e in experiments]
    assert store.get(TINY) == rows_of(TINY)
    (warning,) = store.warnings
    assert "could not be used (database or disk is full): results stay in memory until it can." in warning


def test_they_are_written_later(with_full_disk, full, monkeypatch):
    store, experiments = with_full_disk
    room(store)
    assert goes_on(store) and not written(full, [OTHER]), "a disk that refused is left alone for a minute"
    monkeypatch.setattr(store_module.time, "monotonic", lambda: 1e12)
    store.put(TINY, rows_of(TINY))
    assert written(full, [*experiments, OTHER])


def test_they_are_written_at_the_end(with_full_disk, full):
    store, experiments = with_full_disk
    room(store)
    store.close()
    assert written(full, experiments)


DISK = """
import sys, pathlib
from stored_results import TINY, rows_of
from dataclasses import replace
from rnnkit.sweep.store import Store
others = [replace(TINY, seed=1000 * k, replicas=300) for k in range(1, 30)]
with Store(pathlib.Path(sys.argv[1])) as store:
    found = store.get(TINY)
    for e in others:
        store.put(e, rows_of(e))
    print(found == rows_of(TINY), all(store.get(e) == rows_of(e) for e in others), len(store.warnings), *store.warnings)
"""
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
FULL = 'cp "$0/results.sqlite" "$0.copy"; mount -t tmpfs -o size=128k none "$0" && mv "$0.copy" "$0/results.sqlite" && exec "$@"'


@pytest.mark.parametrize(
    "script, runs, answer",
    [(READ_ONLY, 1, "True True 1 "), (READ_ONLY, 0, "False True 1 "), (FULL, 1, "True True 1 ")],
    ids=["read-only", "read-only and empty", "full"],
)
def test_a_disk_that_takes_nothing(tmp_path, script, runs, answer):
    """A real one, in a mount name space of its own. What is on it can be read."""
    within = ["unshare", "-m", "sh", "-c"]
    if (
        sys.platform != "linux"
        or subprocess.run([*within, "mount -t tmpfs none /mnt"], capture_output=True, check=False).returncode
    ):
        pytest.skip("needs Linux's unshare and the right to mount: run as root")
    if runs:
        with Store(tmp_path / "disk" / "results.sqlite") as store:
            store.put(TINY, rows_of(TINY))
    (tmp_path / "disk").mkdir(exist_ok=True)
    command = [*within, script, tmp_path / "disk", sys.executable, "-c", DISK, tmp_path / "disk" / "results.sqlite"]
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(answer), done.stdout
