"""Remedies, a file each. A new one is one more file and one more line in FIXES; base.py says what a fix declares."""

from __future__ import annotations

from dataclasses import replace

from rnnkit.engine.fixes.ar import AR
from rnnkit.engine.fixes.base import ActivationFix, Fix, GradientFix, SignalFix, StartableFix, UpdateFix
from rnnkit.engine.fixes.clip_norm import ClipNorm
from rnnkit.engine.fixes.clip_value import ClipValue
from rnnkit.engine.fixes.freeze import Freeze
from rnnkit.engine.fixes.l1 import L1
from rnnkit.engine.fixes.l2 import L2
from rnnkit.engine.fixes.omega import Omega
from rnnkit.engine.fixes.tar import TAR
from rnnkit.engine.fixes.truncate import Truncate
from rnnkit.engine.fixes.weight_decay import WeightDecay

__all__ = [
    "AR", "FIXES", "L1", "L2", "TAR", "ActivationFix", "ClipNorm", "ClipValue", "Fix", "Freeze", "GradientFix", "Omega",
    "SignalFix", "StartableFix", "Truncate", "UpdateFix", "WeightDecay", "parse_fix",
]  # fmt: skip

FIXES: dict[str, type[Fix]] = {
    fix.name: fix
    for fix in (
        Truncate,
        L1,
        L2,
        WeightDecay,
        Omega,
        AR,
        TAR,
        Freeze,
        ClipNorm,
        ClipValue,
    )
}


def parse_fix(text: str) -> Fix:
    """`name:a:b` -> the remedy; `name` alone takes its defaults, `@n` behind it lets it begin at training step n."""
    what, at, start = text.strip().partition("@")
    name, _, values = what.partition(":")
    if name not in FIXES:
        raise ValueError(f"unknown fix {name[:40]!r}: valid are {', '.join(FIXES)}")
    fix = FIXES[name].parse(values)
    if not at:
        return fix
    if not isinstance(fix, StartableFix):
        raise ValueError(f"{name} acts from the first training step on: it cannot begin at {start[:40]!r}")
    return replace(fix, start_step=fix.start().parse(start))
