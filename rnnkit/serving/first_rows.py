"""The first rows of the default run, recorded: what a fresh server shows until its training process has started.

first_rows.npz holds them. The same Experiment gives the same numbers, on another processor up to rounding. Record them anew where
the default Experiment or its numbers have changed:

    python -m rnnkit.serving.first_rows
"""

from __future__ import annotations

import io
from itertools import islice
from pathlib import Path

import numpy as np

from rnnkit.engine.history import History
from rnnkit.experiment import Experiment
from rnnkit.serving.recordings import arrays_of
from rnnkit.stories.presets import PRESETS

FILE = Path(__file__).with_suffix(".npz")
ROWS = 50  # two seconds at the normal pace


def experiment() -> Experiment:
    """Returns the Experiment whose rows are recorded: that of a viewer without a link."""
    return next(iter(PRESETS.values())).experiment


def recorded(e: Experiment) -> History | None:
    """Returns a History of e with its first rows, None where they are not recorded. The caller must not append to it."""
    if e != experiment():
        return None
    history = History(e)
    with np.load(FILE) as file:
        if str(file["key"]) != e.key:
            return None
        for name, array in arrays_of(history).items():
            array[:ROWS] = file[name]
    history.causes[:] = [("",) * e.replicas] * ROWS
    history.n = ROWS
    return history


def write(file: Path = FILE) -> None:
    """Trains the rows and writes them."""
    import torch

    from rnnkit.engine.trainer import train

    torch.set_num_threads(1)
    e, packed = experiment(), io.BytesIO()
    arrays = arrays_of(History.of(e, islice(train(e), ROWS)))
    np.savez_compressed(packed, key=np.array(e.key), **{name: array[:ROWS] for name, array in arrays.items()})  # type: ignore[arg-type]
    file.write_bytes(packed.getvalue())


if __name__ == "__main__":
    write()
