"""Checks of what a training computes with: the device and the dtype. torch is imported where it is needed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rnnkit.errors import shorten_repr

if TYPE_CHECKING:
    import torch


def check_device(device: str | torch.device, name: str = "device") -> None:
    """Raises ValueError unless `device` is "cpu" or a GPU that PyTorch sees: "cuda", "cuda:1". The error calls it `name`."""
    import torch

    if not re.fullmatch(r"cpu|cuda(:\d{1,3})?", str(device)):
        raise ValueError(f"{name} must be cpu, cuda or cuda: and a number, got {shorten_repr(device)}")
    kind, _, number = str(device).partition(":")
    n = torch.cuda.device_count()
    if kind == "cuda" and int(number or 0) >= n:
        valid = ", ".join(["cpu", *(f"cuda:{i}" for i in range(n))])
        raise ValueError(f"{name} {device}: PyTorch sees {n} GPUs with CUDA here; valid is {valid}")


def check_dtype(dtype: torch.dtype) -> None:
    """Raises ValueError unless `dtype` is torch.float32 or torch.float64: in half precision the losses become NaN."""
    import torch

    if dtype not in (torch.float32, torch.float64):
        raise ValueError(f"dtype must be torch.float32 or torch.float64, got {shorten_repr(dtype)}")
