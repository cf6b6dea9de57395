"""One sentence that says what happened in a run, derived from its numbers; and the numbers it is derived from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnnkit.cells import CELLS
from rnnkit.experiment import Experiment
from rnnkit.tasks import TASKS

SOLVED = 0.99  # of held-out sequences
VANISHED, EXPLODED = 1e-4, 1e2  # ratio of the gradient at the source to that at the last step


@dataclass(frozen=True)
class Verdict:
    gradient: str  # how the gradient fared on its way back
    outcome: str  # what the networks learnt
    tone: str  # good, bad or neutral: for the colour beside it


def gradient_ratio(state_grad: np.ndarray, e: Experiment, part: int = 0) -> float:
    """Median over networks of ||dL/ds|| at the step that holds the answer over that at the last step; (P, T, R) in."""
    grad = state_grad[part].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = grad[TASKS[e.task].source(e.length)] / grad[-1]
    return float(np.median(ratios)) if not np.isnan(ratios).all() else float("nan")


def solved_at(steps: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    """(R,): the first step with 99 % of the held-out sequences right, -1 where there is none; accuracy (N, R)."""
    good = accuracy >= SOLVED
    return np.where(good.any(0), steps[good.argmax(0)], -1)


def verdict(
    e: Experiment,
    steps: np.ndarray,
    accuracy: np.ndarray,
    state_grad: np.ndarray,
    diverged: np.ndarray,
    causes: Sequence[str],
) -> Verdict:
    """steps (N,), accuracy (N, R) up to the step looked at; state_grad (P, T, R), diverged (R,) and causes of that step."""
    dead = int((diverged >= 0).sum())
    if dead:
        return Verdict(_divergence(e, diverged, causes), _outcome(e, steps, accuracy, dead), "bad")
    solved = int((solved_at(steps, accuracy) >= 0).sum())
    tone = "good" if 2 * solved > e.replicas else "neutral"
    return Verdict(_gradient(e, state_grad), _outcome(e, steps, accuracy, 0), tone)


def _divergence(e: Experiment, diverged: np.ndarray, causes: Sequence[str]) -> str:
    r = int(np.where(diverged >= 0, diverged, np.iinfo(np.int32).max).argmin())
    who = "the network" if e.replicas == 1 else f"{(diverged >= 0).sum()} of {e.replicas} networks"
    return f"It exploded: {who} became NaN, the first at training step {diverged[r]}, in {causes[r]}."


def _gradient(e: Experiment, state_grad: np.ndarray) -> str:
    words = e.task.startswith("agreement")
    where, end = ("subject", "verb") if words else ("start", "end")
    source = TASKS[e.task].source(e.length)
    told = [_part_ratio(e, state_grad, part) for part in range(len(state_grad))]
    ratio = gradient_ratio(state_grad, e)
    if ratio == 0 and source < e.first_uncut:
        return f"At the {where} the gradient is exactly 0: truncation cut its path after {e.length - e.first_uncut} steps."
    if len(told) > 1:
        return f"From the {end} back to the {where}: " + ", ".join(told) + "."
    if np.isnan(ratio):
        return f"At the {end} there is no gradient to send back."
    return f"At the {where} the gradient is {told[0]}."


def _part_ratio(e: Experiment, state_grad: np.ndarray, part: int) -> str:
    ratio = gradient_ratio(state_grad, e, part)
    end = "verb" if e.task.startswith("agreement") else "end"
    name = f"dL/d{CELLS[e.cell].parts[part]} " if len(state_grad) > 1 else ""
    if ratio == 0:
        return f"{name}exactly 0 in float32" + (": it vanished" if not name else "")
    size = f"{ratio:.2g}" if 1e-2 <= ratio < 1e3 else f"{ratio:.0e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
    if name:
        return f"{name}keeps {size}" if ratio >= VANISHED else f"{name}vanishes to {size}"
    tail = ": it vanished" if ratio < VANISHED else ": it exploded" if ratio > EXPLODED else ": it arrives"
    return f"{size} of what it is at the {end}{tail}"


def _outcome(e: Experiment, steps: np.ndarray, accuracy: np.ndarray, dead: int) -> str:
    at = solved_at(steps, accuracy)
    solved = at[at >= 0]
    who = "The network" if e.replicas == 1 else f"{len(solved) or 'None'} of {e.replicas} networks"
    if len(solved):
        when = f"by step {int(np.median(solved))}" + (" (median)" if e.replicas > 1 else "")
        return f"{who} got at least 99 % of new sequences right, {when}."
    last = accuracy[~np.isnan(accuracy).all(1)]
    if not len(last) or np.isnan(last[-1]).all():
        return "Nothing was learnt."
    best = f"{np.nanmedian(last[-1]):.0%} of new sequences right, a guesser {TASKS[e.task].chance:.0%}"
    return f"So far {best}." if steps[-1] < e.steps else f"Not learnt: {best}."
