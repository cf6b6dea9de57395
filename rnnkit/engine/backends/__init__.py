"""What runs a tape's loops over time. One file or folder for each backend; `use_backend` chooses one for this process.

PyTorch's own calls are the default and the reference. The other one gives the same numbers but for rounding
(tests/unit/test_backends.py: to 1e-12 in float64, for every cell, task and fix).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rnnkit.engine.backends.base import BackendError, Loops
from rnnkit.engine.backends.compiled import CompiledLoops
from rnnkit.engine.backends.torch_loops import TorchLoops

if TYPE_CHECKING:
    from torch import Tensor

    from rnnkit.engine.cells import Cell

BACKENDS: dict[str, Loops] = {"torch": TorchLoops(), "compiled": CompiledLoops()}
VARIABLE = "RNNKIT_BACKEND"  # of the environment, so that processes started by this one take the same


def checked(name: object, source: str) -> str:
    """Returns the name. Raises BackendError, which names the source of the name, where there is no such backend."""
    if not isinstance(name, str) or name not in BACKENDS:
        raise BackendError(f"{source} must be one of {', '.join(BACKENDS)}, got {name!r}")
    return name


def named() -> str:
    """The name of the backend that the environment chooses, "torch" where it is unset or empty. Raises BackendError."""
    return checked(os.environ.get(VARIABLE) or "torch", VARIABLE)


def current() -> str:
    """The name of the backend that new tapes get. Raises BackendError where the environment names one that cannot run."""
    return _able(named())


def _able(name: str) -> str:
    missing = BACKENDS[name].missing()
    if missing:
        raise BackendError(f"the backend {name!r} cannot run here: {missing}")
    return name


def use_backend(name: str) -> None:
    """Chooses the backend of tapes made from now on, here and in processes that this one starts. Raises BackendError.

    "compiled" is built here where this machine has not built it before, which takes half a minute.
    """
    BACKENDS[_able(checked(name, "backend"))].prepare()
    os.environ[VARIABLE] = name


def loops_for(cell: Cell, like: Tensor) -> Loops:
    """The loops of the chosen backend, or PyTorch's where that does not take this cell or tensors of this kind (on a GPU)."""
    chosen = BACKENDS[current()]
    return chosen if chosen.takes(cell, like) else BACKENDS["torch"]


def settle() -> str:
    """Prepares what the environment names, or takes PyTorch where that cannot run. Returns in words what computes then."""
    try:
        use_backend(named())
    except BackendError as error:
        os.environ[VARIABLE] = "torch"
        return f"{BACKENDS['torch'].title}, because {error}"
    return BACKENDS[current()].title
