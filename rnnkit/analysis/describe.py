"""Experiments and numbers in words: what the fields are called, what two experiments differ in, how large a number is."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import numpy as np

from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import Fix
from rnnkit.experiment import FIELDS, Experiment, applies, diff
from rnnkit.tasks import TASKS

LABELS = {
    "task": "Task",
    "length": "Sequence length T",
    "cell": "Cell",
    "hidden": "Hidden units H",
    "init": "Initialization",
    "gain": "Gain",
    "input_scale": "Input scale",
    "bias": "Gate bias",
    "fixes": "Remedies",
    "optimizer": "Optimizer",
    "lr": "Learning rate",
    "batch": "Batch size B",
    "steps": "Training steps",
    "replicas": "Networks side by side R",
    "seed": "Seed",
    "leak": "Leak",
    "density": "Connections",
    "ridge": "Ridge penalty",
    "data": "Data",
    "vocabulary": "Vocabulary",
}


def titles(name: str) -> dict[str, str]:
    """A field's choices as a menu shows them, in its order; none for a field without choices."""
    return {choice: it.title for choice, it in FIELDS[name].metadata.get("choices", {}).items()}


def summary(e: Experiment) -> str:
    """A short name: `tanh: agreement, 50 time steps`."""
    return f"{CELLS[e.cell].title}: {TASKS[e.task].title}, {e.length} time steps"


def difference(a: Experiment, b: Experiment) -> str:
    """What b has that a has not: `only: clipping by norm 1`, or `initialization Orthogonal (was Gaussian), gain 2 (was 1)`."""
    told = [
        f"{_lower(LABELS[name])} {_value(name, new)} (was {_value(name, old)})"
        for name, (old, new) in diff(a, b).items()
        if name != "fixes" and applies(b, name)
    ]
    if a.fixes != b.fixes and applies(a, "fixes") and applies(b, "fixes"):
        told = [*_fixes(a.fixes, b.fixes), *told]
    if not told:
        return "nothing"
    return ("only: " if len(told) == 1 else "") + ", ".join(told)


def _fixes(old: tuple[Fix, ...], new: tuple[Fix, ...]) -> list[str]:
    before, after = {fix.name: fix for fix in old}, {fix.name: fix for fix in new}
    told = [_fix(fix) for name, fix in after.items() if name not in before]
    told += [f"{_fix(fix)} (was {_strength(before[name])})" for name, fix in after.items() if before.get(name, fix) != fix]
    told += [f"no {_lower(fix.title)}" for name, fix in before.items() if name not in after]
    return told or ["the same remedies in another order"]


def _fix(fix: Fix) -> str:
    return f"{_lower(fix.title)} {_strength(fix)}"


def _strength(fix: Fix) -> str:
    value = fix.strength if isinstance(fix.strength, str) else f"{fix.strength:g}"
    since = getattr(fix, "start_step", 0)
    return f"{value} from training step {since} on" if since else value


def _value(name: str, value: Any) -> str:
    if isinstance(value, str):
        return titles(name).get(value, value or "the example")
    return f"{value:g}"


def _lower(text: str) -> str:
    """Small at the start, unless it is a name such as L1 or Omega."""
    return text[0].lower() + text[1:] if text[1].islower() and not text.startswith("Omega") else text


def amount(value: float, zero: str = "0", apart: Collection[float] = (), more: int = 0) -> str:
    """A norm or a share in a few characters, whatever its size: 0.45, 2,300, 3e-26; `zero` says what a 0 is.

    apart: numbers that no other one is rounded to; it gets as many digits as that takes, up to five more. more: digits that it
    gets in any case.
    """
    if not math.isfinite(value) or value == 0:
        return zero if value == 0 else "NaN" if math.isnan(value) else "infinite"
    texts = [_rounded(value, digits) for digits in range(more, more + 6)]
    return next((text for text in texts if float(text.replace(",", "")) not in apart or value in apart), texts[0])


def _rounded(value: float, more: int) -> str:
    """With so many digits more than usual."""
    if 1e-2 <= abs(value) < 1e5:
        return f"{value:.{2 + more}g}" if abs(value) < 99.5 else f"{value:,.{more}f}"
    digits, _, exponent = f"{value:.{more}e}".partition("e")
    return f"{digits}e{int(exponent)}"


def smallest(dtype: Any = "float32") -> str:
    """What a gradient is that is 0 although nothing cut it: `below 1e-38` in float32, `below 2e-308` in float64."""
    return f"below {np.finfo(dtype).tiny:.0e}"
