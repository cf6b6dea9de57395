"""What recurrent_matrix and recurrent_gradient share: they compute with torch's tensors, and with numpy's arrays."""

from __future__ import annotations

import sys
from typing import Any


def library(array: Any) -> Any:
    """Returns the module of an array: torch or numpy, whose functions have the same names."""
    return sys.modules[type(array).__module__]


def identity(array: Any) -> Any:
    """Returns 1 (H, H) of the type of `array` (..., H, H)."""
    return library(array).eye(array.shape[-1], dtype=array.dtype, device=array.device)
