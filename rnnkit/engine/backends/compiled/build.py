"""Builds the C++ of all cells into one library, once for each machine, and loads it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rnnkit.engine.backends.base import BackendError
from rnnkit.engine.backends.compiled import source
from rnnkit.engine.cells import CELLS, Cell

Cells = tuple[Cell, ...]
HERE = Path(__file__).parent
VECTORS = {  # what torch.backends.cpu.get_cpu_capability() says -> flags with which at::vec is of that width
    "AVX512": (
        "-DCPU_CAPABILITY=AVX512",
        "-DCPU_CAPABILITY_AVX512",
        *(f"-mavx512{part}" for part in ("f", "bw", "vl", "dq")),
        "-mfma",
    ),
    "AVX2": ("-DCPU_CAPABILITY=AVX2", "-DCPU_CAPABILITY_AVX2", "-mavx2", "-mfma"),
}


def names(cell: Cell) -> tuple[str, str]:
    """Names in C++ of the cell's step forward and back."""
    plain = next(name for name, one in CELLS.items() if one is cell).replace("-", "_")
    return f"{plain}_forward", f"{plain}_backward"


@cache
def steps(cells: Cells) -> dict[Cell, tuple[source.Kernel, source.Kernel]]:
    """The step forward and back of each cell whose equations C++ can say; the others' are left to PyTorch."""
    found = {}
    for cell in cells:
        with suppress(ValueError):
            found[cell] = source.forward(cell), source.backward(cell)
    return found


def known() -> Cells:
    """The cells, as they are registered now."""
    return tuple(CELLS.values())


@cache
def code(cells: Cells) -> str:
    """The source file: the steps of all cells, and the loops. NAMESPACE stands for the library's name in torch.ops."""
    kernels: dict[str, source.Kernel] = {}
    for cell, both in steps(cells).items():
        kernels |= zip(names(cell), both, strict=True)
    written = "".join(kernel.source(name) for name, kernel in kernels.items())
    rows = "".join(f'  if (name == "{name}") return {name}::run<T>;\n' for name in kernels)
    return (HERE / "loops.cpp").read_text("utf-8").replace("// STEPS\n", written).replace("// ROWS\n", rows)


def location() -> Path:
    """Where the library lies on this machine once it is built: named by its source, PyTorch and the kind of processor."""
    import torch

    made_of = "\n".join((code(known()), torch.__version__, torch.backends.cpu.get_cpu_capability()))
    root = os.environ.get("TORCH_EXTENSIONS_DIR") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "rnnkit"
    return Path(root) / f"rnnkit_{hashlib.sha256(made_of.encode()).hexdigest()[:12]}.so"


def missing() -> str:
    """What this machine lacks to build the library; "" where nothing is missing, or where it is built."""
    if location().exists():
        return ""
    compiler = os.environ.get("CXX", "c++")
    if not shutil.which(compiler):
        return f"it needs a C++ compiler, and {compiler!r} was not found (another one: environment variable CXX)"
    if not (shutil.which("ninja") or find_spec("ninja")):
        return "it needs ninja: pip install ninja"
    return ""


def library() -> Any:
    """torch.ops with the functions of loops.cpp. The library is built where it is not there yet. Raises BackendError."""
    return _library(known())


@cache
def _library(cells: Cells) -> Any:
    import torch

    path = location()
    try:
        torch.ops.load_library(path) if path.exists() else _build(path)
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        what = str(error).partition("\n")[0]
        raise BackendError(
            f"the library of the backend 'compiled' cannot be built in, or loaded from, {path.parent}: {what}"
        ) from error
    return getattr(torch.ops, path.stem)


def _build(path: Path) -> None:
    """Builds and loads the library, which takes some 20 seconds. Two processes may build at once: it appears when it is whole."""
    import torch
    from torch.utils import cpp_extension

    path.parent.mkdir(parents=True, exist_ok=True)
    before = os.environ.get("PATH", os.defpath)
    os.environ["PATH"] = os.pathsep.join((before, str(Path(sys.executable).parent)))  # ninja, of an environment not activated
    try:
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            file = Path(folder) / "loops.cpp"
            file.write_text(code(known()).replace("NAMESPACE", path.stem), encoding="utf-8")
            flags = ["-O3", "-fopenmp", *VECTORS.get(torch.backends.cpu.get_cpu_capability(), ())]
            name = Path(folder).name  # another one each time: PyTorch numbers those that it has tried to build before
            cpp_extension.load(
                name,
                [str(file)],
                extra_cflags=flags,
                extra_ldflags=["-fopenmp"],
                is_python_module=False,
                build_directory=folder,
            )
            os.replace(Path(folder) / f"{name}.so", path)
    finally:
        os.environ["PATH"] = before
