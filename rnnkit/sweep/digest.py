"""The digest of the program: results of one version of the code, of torch or of numpy are never taken for those of another."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
from collections.abc import Iterator
from pathlib import Path

from rnnkit.engine import backends

PACKAGE = Path(__file__).resolve().parents[1]
FOLDERS = ("analysis", "corpus", "engine", "tasks")  # with all below them
FILES = ("experiment.py", "fields.py", "studies/training_outcome.py", "sweep/row.py")
LIBRARIES = ("numpy", "torch")  # numpy draws weights and sequences


def sources(package: Path = PACKAGE) -> Iterator[Path]:
    """Yields the files that decide the rows of a run, in an order that depends on their names alone.

    Of studies/ and sweep/ these are the files that make the rows: how a run is distributed or stored changes no number.
    """
    found = [path for folder in FOLDERS for ending in ("*.py", "*.cpp") for path in (package / folder).rglob(ending)]
    yield from sorted([*found, *(package / name for name in FILES)], key=lambda path: path.relative_to(package).as_posix())


def digest_of(package: Path, versions: str) -> str:
    """Returns the SHA-256 of the sources' names and contents and of `versions`, as 64 hexadecimal digits.

    Line ends do not count: a clone on Windows has others.
    """
    digest = hashlib.sha256(versions.encode())
    for path in sources(package):
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"\0{path.relative_to(package).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


@functools.cache
def versions() -> str:
    """Returns the versions of rnnkit and of the libraries that compute, in words. Reads metadata and imports none of them."""
    return ", ".join(f"{name} {_version(name)}" for name in ("rnnkit", *LIBRARIES))


def program_digest() -> str:
    """Returns the digest of the program that runs now with the backend chosen now, computed once a process for each.

    Raises BackendError where RNNKIT_BACKEND names no backend.
    """
    return with_backend(backends.named())


def program_digests() -> dict[str, str]:
    """Returns the digest of the program that runs now with each of its backends, by the backend's name."""
    return {name: with_backend(name) for name in backends.BACKENDS}


@functools.cache
def with_backend(backend: str) -> str:
    """Returns the digest of the program with this backend (rnnkit/engine/backends/)."""
    other = () if backend == "torch" else (f"backend {backend}",)  # it rounds otherwise
    return digest_of(PACKAGE, ", ".join((*(f"{name} {_version(name)}" for name in LIBRARIES), *other)))


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "of a clone" if name == "rnnkit" else "not installed"
