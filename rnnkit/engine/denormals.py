"""The context that everything is computed in: no autograd, no denormal numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

DENORMAL = 1e-310


@contextmanager
def _flushing_denormals() -> Iterator[None]:
    """A vanishing gradient passes through denormal numbers, which a CPU computes a hundred times slower than zero."""
    before = DENORMAL * 0.5 == 0  # Python multiplies under the same setting of the CPU
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


@contextmanager
def no_grad_no_denormals() -> Iterator[None]:
    """Runs the body without autograd and with denormal numbers flushed to zero. Restores the caller's settings."""
    with torch.inference_mode(), _flushing_denormals():
        yield
