"""Remedies, a file each. A new one is one more file and one more line in FIXES; base.py says what a fix declares."""

from __future__ import annotations

from dataclasses import replace

from rnnkit.engine.fixes.base import LAST_START, Fix, GradientFix, SignalFix
from rnnkit.engine.fixes.clip_norm import ClipNorm
from rnnkit.engine.fixes.clip_value import ClipValue
from rnnkit.engine.fixes.freeze import Freeze
from rnnkit.engine.fixes.l1 import L1
from rnnkit.engine.fixes.l2 import L2
from rnnkit.engine.fixes.omega import Omega
from rnnkit.engine.fixes.truncate import Truncate

__all__ = [
    "FIXES", "L1", "L2", "ClipNorm", "ClipValue", "Fix", "Freeze", "GradientFix", "Omega", "SignalFix", "Truncate", "parse_fix",
]  # fmt: skip

FIXES: dict[str, type[Fix]] = {
    fix.name: fix
    for fix in (
        Truncate,
        L1,
        L2,
        Omega,
        Freeze,
        ClipNorm,
        ClipValue,
    )
}


def parse_fix(text: str) -> Fix:
    """`name:strength` -> the remedy; `name` alone takes its default, `@n` behind it lets it begin at training step n."""
    what, at, start = text.strip().partition("@")
    name, _, strength = what.partition(":")
    if name not in FIXES:
        raise ValueError(f"unknown fix {name[:40]!r}: valid are {', '.join(FIXES)}")
    fix = FIXES[name].parse(strength)
    if not at:
        return fix
    if not isinstance(fix, GradientFix):
        raise ValueError(f"{name} acts from the first training step on: it cannot begin at {start[:40]!r}")
    if not start.isdecimal() or len(start) > 9:
        raise ValueError(f"{name} can begin at a training step from 0 to {LAST_START}, got {start[:40]!r}")
    return replace(fix, start_step=int(start))
