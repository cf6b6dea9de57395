"""Small pictures of runs: a heatmap of the gradient with few rows, the accuracy, and what came out.

Those of all stories and of the grid of remedies are recorded in pictures.npz, so that pages show them at once. Record those that
are missing there, after a story has been added or changed, or all, after the engine has been changed:

    python -m rnnkit.stories.pictures [--all]
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np

from rnnkit.engine.history import History
from rnnkit.experiment import Experiment
from rnnkit.stories.grid import GRID
from rnnkit.stories.presets import PRESETS
from rnnkit.stories.remedies.results import result
from rnnkit.thinning import evenly

FILE = Path(__file__).with_name("pictures.npz")
MAX_PICTURE_ROWS = 24
COMMAND = "python -m rnnkit.stories.pictures"


@dataclass(frozen=True)
class Picture:
    """A run of R networks in few numbers."""

    part: str  # of the state whose gradient is shown
    codes: np.ndarray  # (n, C) uint16, see rnnkit.engine.record.encode; the median network, at C <= T time steps
    grid: np.ndarray  # (N,) training steps of all rows of the finished run, N >= n
    exams: np.ndarray  # (K,) training steps at which the accuracy was measured
    accuracy: np.ndarray  # (K, R), NaN for networks that are NaN
    diverged: int  # networks that are NaN
    solved: int  # networks that have learnt the task at the end
    outcome: str  # see Outcome


def draw(history: History, n: int, part: str, max_rows: int = MAX_PICTURE_ROWS, max_columns: int | None = None) -> Picture:
    """Returns the Picture of the first n > 0 rows of a run. It shows all time steps, or max_columns of them, evenly spaced."""
    rows, columns = evenly(len(history.steps), max_rows), evenly(history.e.length, max_columns or history.e.length)
    shown = rows[rows < n]
    exams = np.flatnonzero(~np.isnan(history.accuracy[:n]).all(1))
    reached = result(history, n)
    return Picture(
        part=part,
        codes=history.codes(int(shown[-1]) + 1, history.parts.index(part))[np.ix_(shown, columns)],
        grid=history.steps[rows],
        exams=history.steps[exams],
        accuracy=history.accuracy[exams].astype(np.float32),
        diverged=int((reached.diverged >= 0).sum()),
        solved=int(reached.solved_at_end.sum()),
        outcome=str(reached.outcome),
    )


def experiments() -> Mapping[Experiment, str]:
    """Returns Experiment -> part of the state to show, of all stories and of the grid of remedies."""
    shown = {preset.experiment: preset.claim.part for preset in PRESETS.values()}
    return shown | {it.experiment: it.claim.part for row in GRID.values() for both in row for it in (both.without, both.repaired)}


def recorded(e: Experiment) -> Picture | None:
    """Returns the recorded Picture of e, None where there is none."""
    return _read()[1].get(e.key)


def origin() -> str:
    """Returns when and by which command the pictures were recorded, as `2026-11-29, with the command ...`."""
    return _read()[0]


@cache
def _read() -> tuple[str, Mapping[str, Picture]]:
    if not FILE.exists():
        return "", {}
    with np.load(FILE) as file:
        meta = json.loads(bytes(file["meta"]).decode())
        pictures = {
            key: Picture(**texts, **{name: file[f"{key}/{name}"] for name in ("codes", "grid", "exams", "accuracy")})
            for key, texts in meta["pictures"].items()
        }
    return f"{meta['date']}, with the command {COMMAND}", pictures


def write(pictures: Mapping[str, Picture], file: Path = FILE) -> None:
    """Writes pictures: key of the Experiment -> Picture."""
    arrays: dict[str, np.ndarray] = {}
    texts = {}
    for key, it in pictures.items():
        values = vars(it)
        arrays |= {f"{key}/{name}": value for name, value in values.items() if isinstance(value, np.ndarray)}
        texts[key] = {name: value for name, value in values.items() if not isinstance(value, np.ndarray)}
    meta = json.dumps({"date": date.today().isoformat(), "pictures": texts}).encode()
    packed = io.BytesIO()
    np.savez_compressed(packed, meta=np.frombuffer(meta, np.uint8), **arrays)  # type: ignore[arg-type]
    file.write_bytes(packed.getvalue())


def _train(known: Mapping[str, Picture]) -> Iterator[tuple[str, Picture]]:
    import torch

    from rnnkit.engine.trainer import run

    torch.set_num_threads(1)  # the fastest for networks this small
    for i, (e, part) in enumerate(experiments().items()):
        print(f"{i + 1} of {len(experiments())}: {e.key}", file=sys.stderr)
        if e.key in known and known[e.key].part == part:
            yield e.key, known[e.key]
        else:
            history = run(e)
            yield e.key, draw(history, history.n, part)


if __name__ == "__main__":
    write(dict(_train({} if "--all" in sys.argv else _read()[1])))
