"""The verdict on a watched model in words: how much of the gradient is left, how far it looks back, and why. Loads no torch."""

from __future__ import annotations

import numpy as np

from rnnkit.analysis.gradient_summary import (
    ARRIVES,
    MIN_GATE,
    MIN_OFF,
    MIN_SATURATED,
    PHRASE_BOUNDS,
    VANISHED,
    per_step,
    ratio_phrase,
)
from rnnkit.analysis.theory import GAMMA, MUST_VANISH, condition
from rnnkit.engine.cells import CELLS
from rnnkit.engine.lags import WITHIN
from rnnkit.rounding import amount, percent
from rnnkit.watch.run import Finding, WatchRun


def verdict(run: WatchRun) -> str:
    """Returns sentences on the last watched step, a line for each layer and direction. A problem comes first."""
    lines = [f"Nothing is shown of the last watched step: {run.problem}."] if run.problem else []
    if run.findings:
        lines.append(f"Training step {run.findings[0].step}{_checked(run)}.")
        lines += [_finding(f) for f in run.findings]
    elif run.profiles:
        lines += _of_profiles(run)
    elif not lines:
        lines = ["No training step has been watched yet: call watch.step() after loss.backward()."]
    return "\n".join(lines)


def within(f: Finding) -> int | None:
    """Returns the least k with which shares 0 ... k, and any longer sum of them, are WITHIN of the whole; None where none is."""
    sums = np.cumsum(f.share_by_lag)
    off = np.flatnonzero(np.abs(sums - 1) > 1 - WITHIN + 1e-12)
    k = int(off[-1]) + 1 if len(off) else 0
    return k if k < len(sums) else None


def _checked(run: WatchRun) -> str:
    errors = [e for e in run.checks.get(run.findings[0].step, {}).values()]
    if not errors:
        return ""
    if not np.isfinite(errors).all():
        return ": the gradient of the weights is not finite, in the replay as in the layer"
    return f", checked: the replayed gradient of the weights differs from the layer's own by {max(errors):.0e} of its norm"


def _of_profiles(run: WatchRun) -> list[str]:
    """Of states that the user handed over: autograd's own gradient, norms alone."""
    lines = [f"Training step {run.steps[-1]}, from autograd itself."]
    for p in run.last():
        peak = float(np.nanmax(p.norm)) if np.isfinite(p.norm).any() else float("nan")
        if not np.isfinite(p.norm).all():
            lines.append(f"{p.layer}: dL/d{p.part} is not finite at t = {int(np.flatnonzero(~np.isfinite(p.norm))[-1])} first.")
        elif peak > 0:
            lines.append(f"{p.layer}: of the largest dL/d{p.part}, {_left(float(p.norm[0] / peak))} at t = {p.start}.")
        else:
            lines.append(f"{p.layer}: dL/d{p.part} is 0 at every step.")
    return lines


def _finding(f: Finding) -> str:
    direction = "" if f.direction == "forward" else ", reverse direction"
    name = f.layer + direction + (f", use {f.call + 1}" if f.call else "")
    norm = f.norm_by_lag[-1]  # of the memory: c of an LSTM
    if not len(norm):
        return f"{name}: no gradient enters."
    if f.not_finite:
        return f"{name}: {f.not_finite} is not finite."
    if not np.isfinite(f.norm_by_lag).all():
        return f"{name}: {_not_finite(f)}"
    if not norm[0] > 0:
        return f"{name}: no gradient reaches {f.parts[-1]} at the last step at which one enters."
    if len(norm) == 1:
        return f"{name}: the gradient enters at the first step that this direction reads, so it looks back no step."
    last = " the last of them," if f.entries > 1 else ""
    several = f" A gradient enters at {f.entries} steps; of" if f.entries > 1 else " Of"
    with np.errstate(over="ignore"):
        ratio = float(norm[-1] / norm[0])
    steps = len(norm) - 1
    sentences = [f"{name}:{several}{last} dL/d{f.parts[-1]}, {_left(ratio)} {_steps(steps)} back{_lost(norm, ratio)}."]
    if f.cut:
        sentences.append("The graph ends there: the state was carried over without its graph.")
    return " ".join([*sentences, *_lag_sentence(f), *_causes(f, ratio)])


def _left(ratio: float) -> str:
    zero = "nothing" if ratio == 0 else amount(ratio, apart=PHRASE_BOUNDS)
    return f"{zero} is left" if ratio <= 1 else f"{zero} times as much arrives"


def _steps(n: int) -> str:
    return f"{n:,} step{'s' * (n != 1)}"


def _lost(norm: np.ndarray, ratio: float) -> str:
    """`, 0.52 a step: it vanished; less than 0.001 is left after 23 steps`."""
    steps = len(norm) - 1
    mean = f", {amount(per_step(ratio, steps), apart=PHRASE_BOUNDS, more=1)} a step on average" if steps > 1 and ratio > 0 else ""
    text = f"{mean}: {ratio_phrase(ratio)}"
    if ratio < VANISHED:
        below = norm < VANISHED * norm[0]
        above = np.flatnonzero(~below)
        text += f", below {VANISHED:g} from {_steps(int(above[-1]) + 1)} back on"
    return text


def _not_finite(f: Finding) -> str:
    part, k = min(((p, int(np.flatnonzero(~np.isfinite(n))[0])) for p, n in zip(f.parts, f.norm_by_lag, strict=True)
                   if not np.isfinite(n).all()), key=lambda found: found[1])  # fmt: skip
    where = "where it enters: the loss or what follows the layer is not finite" if k == 0 else f"{_steps(k)} back: it exploded"
    return f"dL/d{part} is not finite {where}."


def _lag_sentence(f: Finding) -> list[str]:
    if not len(f.share_by_lag) or not np.isfinite(f.share_by_lag).all():
        return []
    k = within(f)
    if k is None:
        return [f"Less than {percent(WITHIN)} of dL/dW_rec looks back less than {_steps(len(f.share_by_lag))}."]
    return [f"{percent(WITHIN)} of dL/dW_rec looks back {_steps(k) + ' or less' if k else 'no step'}."]


def _causes(f: Finding, ratio: float) -> list[str]:
    """What the measurements show of why a gradient shrinks or grows."""
    cell, lost, grown = CELLS[f.cell], ratio < ARRIVES[0], ratio > ARRIVES[1]
    found = []
    if lost and condition(f.cell, f.singular) == MUST_VANISH:
        most = amount(GAMMA[f.cell] * f.singular)
        found.append(
            f"The largest singular value of W_rec is {amount(f.singular)}: no step leaves more than {most} of the gradient."
        )
    limit = MIN_OFF if cell.flat == "off" else MIN_SATURATED
    if lost and f.flat >= limit:
        found.append(f"{percent(f.flat)} of the units are {cell.flat}.")
    if lost and f.gate < MIN_GATE:
        assert cell.forget_gate is not None
        gate = cell.gate_names[cell.forget_gate]
        found.append(f"The {gate} is {amount(f.gate)} on average: it keeps this share of {f.parts[-1]} from step to step.")
    if grown and f.radius > 1:
        found.append(f"The spectral radius of W_rec is {amount(f.radius)}.")
    return found
