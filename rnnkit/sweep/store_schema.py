"""The tables of the results store, and its file: opened, brought up to date, refused, or set aside where it is damaged."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path

NAME = "results.sqlite"  # of a store whose name nobody has given
APPLICATION = 0x726E6E6B  # "rnnk", in the file's header: a database of another program is never written to
BUSY_SECONDS = 30  # how long one process waits for another that writes
SET_ASIDE_SECONDS = 10  # more than a process takes to check a damaged file and to rename it
MAX_WAL_BYTES = 16 * 2**20  # that stay allocated beside the file
MAGIC, APPLICATION_AT = b"SQLite format 3\0", 68  # SQLite's header: how it begins, and the byte where `application_id` is
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

# MIGRATIONS[v] brings a store of version v to v + 1; a new store goes through all of them. A published one never changes.
# A run's own numbers of networks, solved ones and so on stand beside it, in an index that a summary reads without the networks.
MIGRATIONS = (
    (
        f"PRAGMA application_id = {APPLICATION}",
        "CREATE TABLE programs (id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, versions TEXT NOT NULL)",
        # an Experiment without seed and replicas, as JSON
        "CREATE TABLE settings (id INTEGER PRIMARY KEY, json TEXT NOT NULL UNIQUE)",
        """CREATE TABLE runs (
            id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, program INTEGER NOT NULL, settings INTEGER NOT NULL,
            until TEXT NOT NULL, seed INTEGER NOT NULL, replicas INTEGER NOT NULL,
            solved INTEGER NOT NULL, diverged INTEGER NOT NULL, seconds REAL, stored REAL NOT NULL)""",
        "CREATE INDEX summary ON runs (program, settings, until, seed, replicas DESC, solved, diverged, seconds)",
        # NULL in a column of real numbers is NaN, which SQLite does not have
        """CREATE TABLE networks (
            run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, network INTEGER NOT NULL, seed INTEGER NOT NULL,
            solved_step INTEGER, accuracy REAL, diverged_step INTEGER, ratio_before REAL, ratio_after REAL,
            steps INTEGER NOT NULL, seconds REAL, PRIMARY KEY (run, network)) WITHOUT ROWID""",
    ),
    (
        "ALTER TABLE runs ADD COLUMN last_used REAL NOT NULL DEFAULT 0",
        "UPDATE runs SET last_used = stored",
        "CREATE INDEX last_used ON runs (last_used)",
    ),
)
VERSION = len(MIGRATIONS)
CHECK = "SELECT last_used, networks.seconds, digest, json FROM runs, networks, programs, settings LIMIT 1"


class RefusedError(Exception):
    """A file that is left as it is: the store of a newer version, the database of another program, or no database."""


def open_store(path: Path) -> sqlite3.Connection:
    """Opens the store at this path, or begins one, and brings it to VERSION.

    Raises RefusedError for a file that must not be touched, sqlite3.DatabaseError for a damaged one (`is_damaged`), and OSError
    or sqlite3.OperationalError where the disk does not allow it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    may_be_store = _may_be_store(path)  # now: another process may set a damaged one aside meanwhile
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        db = _connect(path.as_uri())
        try:
            _prepare(db)
            return db
        except sqlite3.OperationalError as error:
            db.close()
            if not _is(error, (sqlite3.SQLITE_BUSY,)) or time.monotonic() > deadline:  # a change to WAL does not wait by itself
                raise
            time.sleep(0.05)
        except sqlite3.DatabaseError as error:
            db.close()
            if is_damaged(error) and not may_be_store:
                raise RefusedError(f"is no results store ({error}): expected one, or the name of a new file") from None
            raise
        except BaseException:
            db.close()
            raise


def open_read_only(path: Path) -> sqlite3.Connection:
    """Opens a store that cannot be written, also on a disk that takes no file beside it. Raises as `open_store` does."""
    error: sqlite3.Error = sqlite3.OperationalError("unable to open database file")
    for option in ("mode=ro", "immutable=1"):  # the second asks for no lock: nobody writes to such a disk
        db = _connect(f"{path.as_uri()}?{option}")
        try:
            if _version(db) == VERSION:
                _check_tables(db)
                return db
            error = sqlite3.OperationalError("a store of an older version, which cannot be brought up to date")
        except sqlite3.OperationalError as problem:
            error = problem
        db.close()
    raise error


def set_aside(path: Path) -> Path | None:
    """Renames a damaged store, with the files beside it, and returns its new path; None where it is sound by now.

    Another process may have set it aside already, and have begun a new one. Raises OSError where it cannot be renamed.
    """
    with _alone(path):
        if _is_sound(path):
            return None
        stem = f"{path.name}.damaged-{datetime.now():%Y-%m-%d-%H%M%S}"
        names = [stem, *(f"{stem}-{n}" for n in range(2, 100))]
        target = next(path.with_name(name) for name in names if not path.with_name(name).exists())
        for suffix in ("-wal", "-shm", ""):  # the store last: a new one never meets the old one's log
            with suppress(FileNotFoundError):
                Path(f"{path}{suffix}").rename(f"{target}{suffix}")
        return target


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Lets one process at a time look at a damaged store and rename it; else one would rename what another has begun anew.

    A file beside the store says that one does. Where it is SET_ASIDE_SECONDS old, its process was killed.
    """
    lock = Path(f"{path}.lock")
    while True:
        try:
            lock.touch(exist_ok=False)
            break
        except FileExistsError:
            with suppress(FileNotFoundError):
                if time.time() - lock.stat().st_mtime > SET_ASIDE_SECONDS:
                    lock.unlink()
            time.sleep(0.02)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def is_damaged(error: sqlite3.Error) -> bool:
    """Returns whether SQLite found the file's content to be wrong."""
    return _is(error, DAMAGED)


def fails(error: sqlite3.Error) -> bool:
    """Returns whether the file or the disk is at fault (damaged, full, read-only, locked), not the statement."""
    return is_damaged(error) or (isinstance(error, sqlite3.OperationalError) and not _is(error, (sqlite3.SQLITE_ERROR,)))


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Takes the right to write, and commits at the end; nothing is written where an error comes up."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _prepare(db: sqlite3.Connection) -> None:
    version = _version(db)
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(
        "PRAGMA synchronous = NORMAL"
    )  # in WAL nothing is lost when a process is killed, and nothing is torn without power
    db.execute(f"PRAGMA journal_size_limit = {MAX_WAL_BYTES}")
    if version < VERSION:
        _migrate(db)
    _check_tables(db)


def _check_tables(db: sqlite3.Connection) -> None:
    try:
        db.execute(CHECK)
    except sqlite3.OperationalError as error:
        if _is(error, (sqlite3.SQLITE_ERROR,)):  # no such table
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise


def _may_be_store(path: Path) -> bool:
    """Returns whether a file that cannot be read may be a store: by its name, or by its header, which may be cut off."""
    if path.name == NAME or not path.is_file():
        return True
    with path.open("rb") as file:
        magic, _, application = (file.read(n) for n in (len(MAGIC), APPLICATION_AT - len(MAGIC), 4))
    return MAGIC.startswith(magic) and APPLICATION.to_bytes(4, "big").startswith(application)


def _is_sound(path: Path) -> bool:
    with closing(_connect(path.as_uri())) as db:
        try:
            if _version(db) == 0:  # another process is about to begin it
                return True
            _check_tables(db)
            return bool(db.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",))
        except sqlite3.DatabaseError as error:
            if is_damaged(error):
                return False
            raise


def _migrate(db: sqlite3.Connection) -> None:
    with transaction(db):
        for version in range(_version(db), VERSION):  # read again: another process may have been faster
            for statement in MIGRATIONS[version]:
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {VERSION}")


def _version(db: sqlite3.Connection) -> int:
    """Returns the store's version, 0 for an empty file. Raises RefusedError where it is not this program's to write."""
    (tables,) = db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (application,) = db.execute("PRAGMA application_id").fetchone()  # the last: another process may begin the store meanwhile
    if application != APPLICATION and (tables or version):
        raise RefusedError("is a database of another program")
    if version > VERSION:
        raise RefusedError(f"is of version {version}, from a newer rnnkit; this one reads versions 1 to {VERSION}")
    return version


def _connect(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=True)


def _is(error: sqlite3.Error, codes: tuple[int, ...]) -> bool:
    return getattr(error, "sqlite_errorcode", -1) & 0xFF in codes  # the low byte of an extended code is the kind
