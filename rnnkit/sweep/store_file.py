"""The file of the results store as one connection. What the disk refuses, and a damaged file, become warnings in words."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import platformdirs

from rnnkit.sweep.store_schema import NAME, RefusedError, fails, is_damaged, open_read_only, open_store, set_aside

T = TypeVar("T")


def store_path() -> Path | None:
    """Returns what the environment variable RNNKIT_STORE names, or else the file in the user's data folder. None: `off`."""
    named = os.environ.get("RNNKIT_STORE", "").strip()
    if named.lower() == "off":
        return None
    return Path(named) if named else Path(platformdirs.user_data_dir("rnnkit", appauthor=False), NAME)


def store_folder() -> Path | None:
    """Returns the folder of the results store. None: `off`."""
    path = store_path()
    path = path and path.expanduser().absolute()
    return path if path is None or path.is_dir() else path.parent


class StoreFile:
    """The open file, or none where `path` is None or the file cannot be opened. A folder stands for the file NAME in it."""

    def __init__(self, path: Path | None) -> None:
        self.path = None if path is None else path.expanduser().absolute()
        self.warnings: list[str] = []
        self.lock = threading.RLock()
        self.writable = False
        self._db: sqlite3.Connection | None = None
        if self.path is not None:
            self.path = self.path / NAME if self.path.is_dir() else self.path
            self._open(self.path)

    def close(self) -> None:
        """Closes the file. From now on there is none."""
        with self.lock:
            if self._db:
                self._db.close()
            self._db, self.writable = None, False

    def attempt(self, work: Callable[[sqlite3.Connection], T], instead: T) -> T:
        """Returns work(connection). Returns `instead` where there is no file, or where it fails, which adds a warning.

        A damaged file is set aside, and `work` gets the new one.
        """
        with self.lock:
            for repeated in (False, True):
                if self._db is None:
                    break
                try:
                    return work(self._db)
                except sqlite3.DatabaseError as error:
                    if is_damaged(error) and not repeated:
                        self._replace(self._db, error)
                    elif fails(error):
                        self._warn(f"could not be used ({error})")
                        break
                    else:
                        raise
            return instead

    def _open(self, path: Path) -> None:
        """Opens the file for reading and writing, or for reading alone, or not at all."""
        problem: Exception
        try:
            self._db, self.writable = open_store(path), True
            return
        except RefusedError as error:
            self._warn(f"{error}, and is left as it is", ever=False)
            return
        except sqlite3.DatabaseError as error:
            if is_damaged(error):
                self._replace(None, error)
                return
            problem = error
        except OSError as error:
            problem = error
        self._warn(f"could not be written ({_text(problem)})", ever=False)
        with suppress(OSError, sqlite3.Error, RefusedError):
            self._db = open_read_only(path)

    def _replace(self, db: sqlite3.Connection | None, error: sqlite3.Error) -> None:
        """Sets the damaged file aside and begins a new one."""
        assert self.path
        if db:
            db.close()
        self._db, self.writable = None, False
        try:
            if target := set_aside(self.path):
                self.warnings.append(
                    f"The results store {self.path} was damaged ({error}): it is {target.name} now, a new one began."
                )
            self._db, self.writable = open_store(self.path), True
        except (OSError, sqlite3.Error, RefusedError) as problem:
            self._warn(f"is damaged ({error}) and could not be set aside ({_text(problem)})", ever=False)

    def _warn(self, what: str, ever: bool = True) -> None:
        text = f"The results store {self.path} {what}: results stay in memory{' until it can' if ever else ''}."
        if text not in self.warnings:
            self.warnings.append(text)


def _text(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
