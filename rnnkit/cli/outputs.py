"""Checks the output paths of `train` before the training, and writes the files after it."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rnnkit.cli.exit_status import TRAINING_ERRORS, error_text
from rnnkit.engine.history import History
from rnnkit.experiment import Experiment

TABLES = (".csv", ".parquet")
NEEDS = {  # option -> module, package that installs it, message
    "--records": ("pyarrow", "pyarrow", "tables need pyarrow"),
    "--gradients": ("pyarrow", "pyarrow", "tables need pyarrow"),
    "--out": ("pyarrow", "pyarrow", "tables need pyarrow"),
    "--charts": ("vl_convert", "vl-convert-python", "charts as files need vl-convert"),
    "--handout": ("vl_convert", "vl-convert-python", "charts as files need vl-convert"),
}


@dataclass(frozen=True)
class Outputs:
    """The output options that were given."""

    paths: Mapping[str, str]  # option -> path; that of --charts is a folder

    def check(self, e: Experiment, inputs: Mapping[str, str], force: bool) -> None:
        """Raises ValueError with every path that cannot be written, is also an input, or exists, unless `force`."""
        problems = []
        owners = {_identity(path): option for option, path in inputs.items()}
        for option, path in self.paths.items():
            other = owners.setdefault(_identity(path), option)
            if other != option:
                problems.append(f"{option} and {other} name the same file, {path!r}")
            elif problem := _problem(option, path, force, self._names(e) if option == "--charts" else []):
                problems.append(problem)
        if problems:
            raise ValueError("; ".join(problems))

    @staticmethod
    def _names(e: Experiment) -> list[str]:
        from rnnkit.export.figures import names

        return [f"{name}.{form}" for name in names(e) for form in ("svg", "png")]

    def write(self, history: History) -> list[str]:
        """Writes all files of a run, complete or not. Returns one sentence for each file that could not be written."""
        problems = []
        for option, path in self.paths.items():
            if not history.n and option != "--save-json":
                continue  # there is no record yet
            try:
                WRITERS[option](history, path)
            except TRAINING_ERRORS as error:
                problems.append(f"{option} {path!r} was not written: {error_text(error)}")
        return problems


# ---- before the training ----


def _identity(path: str) -> object:
    """Returns a value that is equal for two paths of one file, also through links."""
    try:
        status = os.stat(path)
        return status.st_dev, status.st_ino
    except (OSError, ValueError):
        return os.path.normcase(os.path.realpath(path))


def _problem(option: str, path: str, force: bool, names: list[str]) -> str:
    """Returns why this path cannot be used, "" where it can. `names`: files that are written into a folder."""
    module, package, what = NEEDS.get(option, ("json", "", ""))
    if importlib.util.find_spec(module) is None:
        return f"{what}: run  pip install {package}"
    if not path:
        return f"{option} needs a name, got ''"
    is_table, is_folder = option in ("--records", "--gradients", "--out"), option == "--charts"
    if is_table and Path(path).suffix.lower() not in TABLES:
        return f"a table is written as .csv or .parquet, got {path!r}"
    if not os.path.isdir(os.path.dirname(os.path.abspath(path))):
        return f"there is no folder {os.path.dirname(path)!r} to write {path!r} into"
    if is_folder and os.path.exists(path) and not os.path.isdir(path):
        return f"--charts needs a folder, {path!r} is a file"
    if not is_folder and (os.path.isdir(path) or not os.path.basename(path)):
        return f"{option} needs a file, {path!r} is a folder"
    files = [os.path.join(path, name) for name in names] if is_folder else [path]
    existing = [file for file in files if os.path.isfile(file)]
    if existing and not force:
        return f"{existing[0]!r} exists: give --force to overwrite it, or another name"
    return _not_writable(path, is_folder)


def _not_writable(path: str, is_folder: bool) -> str:
    """Returns why a path cannot be written, "" where it can. Tries to write and changes nothing: permissions are not enough."""
    path = os.path.realpath(path)
    is_new = not os.path.exists(path)
    try:
        if is_folder and is_new:
            os.mkdir(path)
            os.rmdir(path)
        elif is_folder:
            with tempfile.TemporaryFile(dir=path):
                pass
        elif is_new or os.path.isfile(path):  # a device or a pipe is not opened twice
            with open(path, "ab"):
                pass
            if is_new:
                os.unlink(path)
    except (OSError, ValueError) as error:
        return f"cannot write {path!r}: {error_text(error)}"
    return ""


# ---- after it ----


def _table(write: str) -> Callable[[History, str], None]:
    def writer(history: History, path: str) -> None:
        from rnnkit.export import tables

        with open(path, "wb") as file:
            getattr(tables, write)(history, Path(path).suffix[1:].lower(), file)

    return writer


def _charts(history: History, path: str) -> None:
    from rnnkit.export.figures import figures, titled_chart
    from rnnkit.export.images import images

    jobs = {(figure.name, form): (titled_chart(figure, history), form) for figure in figures(history) for form in ("svg", "png")}
    os.makedirs(path, exist_ok=True)
    for (name, form), data in zip(jobs, images(list(jobs.values())), strict=True):
        Path(path, f"{name}.{form}").write_bytes(data)


def _handout(history: History, path: str) -> None:
    from rnnkit.export.handout import handout
    from rnnkit.export.script import missing, script

    program = "" if missing(history.e) else script(history.e)
    Path(path).write_text(handout(history, script=program), "utf-8")


def _json(history: History, path: str) -> None:
    Path(path).write_text(history.e.to_json() + "\n", "utf-8")


WRITERS: dict[str, Callable[[History, str], None]] = {
    "--records": _table("write_records"),
    "--gradients": _table("write_gradients"),
    "--save-json": _json,
    "--handout": _handout,
    "--charts": _charts,
}
