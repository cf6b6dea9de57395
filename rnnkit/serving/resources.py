"""Cores and memory of the machine, within a container's limits (control groups 1 and 2), and the memory of a process.

Reads the standard library and Linux's own files. None where they do not tell.
"""

from __future__ import annotations

import ctypes
import gc
import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

SLACK = 64  # megabytes that may be allocated and yet not be resident


def cores(root: Path = Path("/")) -> int:
    """The cores that this process may use, at most its control group's share of time; at least 1."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    shares = [_share(folder) for folder in _groups(root, "cpu")]
    return max(1, math.ceil(min([usable, *(share for share in shares if share)])))


def memory(root: Path = Path("/")) -> float | None:
    """Megabytes (2**20 bytes) of the machine, or of the smallest limit around this process."""
    names = ("memory.max", "memory.limit_in_bytes")
    found = [_number(folder / name) for folder in _groups(root, "memory") for name in names]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min((size / 2**20 for size in found if size), default=None)


def resident(pid: int | str = "self") -> float | None:
    """Resident memory of a process, in megabytes (2**20 bytes)."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, IndexError):
        return None


def limit_memory(megabytes: float) -> None:
    """Limits this process to so many megabytes and SLACK: what allocates more raises MemoryError.

    The system counts what was allocated, which is more than what is resident: hence SLACK. Has no effect where the system has no
    such limit (Windows, macOS).
    """
    now, counted = resident(), _counted()
    if now is None or counted is None:
        return
    import resource

    most = counted + int((max(0, megabytes - now) + SLACK) * 2**20)
    resource.setrlimit(resource.RLIMIT_DATA, (most, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def return_memory() -> None:
    """Returns freed memory to the system (glibc would hold it)."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _counted() -> int | None:
    """Bytes of this process that RLIMIT_DATA counts."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmData:"):
                return int(line.split()[1]) * 1024
    return None


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of the control groups around this process, of either version, as far as this process can see them."""
    try:
        lines = (root / "proc/self/cgroup").read_text().split()
    except OSError:
        return
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if not controllers or controller in controllers.split(","):
            top = root / "sys/fs/cgroup" / (controller if controllers else "")
            path = PurePosixPath(group.lstrip("/"))
            yield from (top / part for part in (path, *path.parents))


def _number(file: Path) -> float | None:
    try:
        return float(file.read_text().split()[0])  # "max" is no number
    except (OSError, ValueError, IndexError):
        return None


def _share(folder: Path) -> float | None:
    """Cores that a group may use: `cpu.max` holds quota and period, version 1 has a file for each; no limit is max or -1."""
    try:
        quota, period = (folder / "cpu.max").read_text().split()
    except (OSError, ValueError):
        quota, period = (str(_number(folder / f"cpu.cfs_{name}_us")) for name in ("quota", "period"))
    try:
        return float(quota) / float(period) if float(quota) > 0 else None
    except (ValueError, ZeroDivisionError):
        return None
