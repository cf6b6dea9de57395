"""Builds the C++ of all cells into one library, once for each machine, and loads it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rnnkit.engine.backends.base import BackendError
from rnnkit.engine.backends.compiled import source
from rnnkit.engine.cells import CELLS, Cell

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


def step_names(cell: Cell) -> tuple[str, str]:
    """Names in C++ of the cell's step forward and back."""
    plain = next(name for name, one in CELLS.items() if one is cell).replace("-", "_")
    return f"{plain}_forward", f"{plain}_backward"


def code() -> str:
    """The source file: the steps of all cells, and the loops."""
    kernels: dict[str, source.Kernel] = {}
    for cell in CELLS.values():
        kernels |= zip(step_names(cell), (source.forward(cell), source.backward(cell)), strict=True)
    steps = "".join(kernel.source(name) for name, kernel in kernels.items())
    rows = "\n".join(f'  if (name == "{name}") return {name}::run<T>;' for name in kernels)
    return (HERE / "loops.cpp").read_text().replace("// STEPS\n", steps).replace("// ROWS\n", rows + "\n")


def location() -> Path:
    """Where the library lies on this machine once it is built: named by its source, PyTorch and the kind of processor."""
    import torch

    made_of = "\n".join((code(), torch.__version__, torch.backends.cpu.get_cpu_capability()))
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


@cache
def library() -> Any:
    """torch.ops with the functions of loops.cpp. The library is built where it is not there yet. Raises BackendError."""
    import torch

    path = location()
    if not path.exists():
        _build(path)
    torch.ops.load_library(path)
    return torch.ops.rnnkit


def _build(path: Path) -> None:
    """Takes some 20 seconds. Two processes may build at once: the library appears when it is whole."""
    import torch
    from torch.utils import cpp_extension

    path.parent.mkdir(parents=True, exist_ok=True)
    before = os.environ["PATH"]
    os.environ["PATH"] = os.pathsep.join((before, str(Path(sys.executable).parent)))  # ninja, of an environment not activated
    try:
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            file = Path(folder) / "loops.cpp"
            file.write_text(code())
            flags = ["-O3", "-fopenmp", *VECTORS.get(torch.backends.cpu.get_cpu_capability(), ())]
            cpp_extension.load(
                "loops",
                [str(file)],
                extra_cflags=flags,
                extra_ldflags=["-fopenmp"],
                is_python_module=False,
                build_directory=folder,
            )
            os.replace(Path(folder) / "loops.so", path)
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        what = str(error).partition("\n")[0]
        raise BackendError(f"the library of the backend 'compiled' cannot be built in {path.parent}: {what}") from error
    finally:
        os.environ["PATH"] = before
