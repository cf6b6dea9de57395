"""One sentence that says what happened in a run, derived from its numbers; and the numbers it is derived from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnnkit.cells import CELLS
from rnnkit.experiment import Experiment
from rnnkit.record import ABSENT
from rnnkit.words import amount

SOLVED = 0.99  # of held-out sequences
ARRIVES = (0.1, 10.0)  # ratios of the gradient at the source to that at the last step that count as arriving
VANISHED, LARGE = 1e-3, 1e3  # below, above


@dataclass(frozen=True)
class Verdict:
    gradient: str  # how the gradient fared on its way back
    outcome: str  # what the networks learnt
    tone: str  # good, bad or neutral: for the colour beside it


def gradient_ratio(state_grad: np.ndarray, e: Experiment, part: int = 0) -> float:
    """Median over networks of ||dL/ds|| at the step that holds the answer over that at the last step; (P, T, R) in."""
    grad = state_grad[part].astype(np.float64)
    grad[grad == ABSENT] = np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = grad[e.bound_task.source(e.length)] / grad[-1]
    return float(np.nanmedian(ratios)) if not np.isnan(ratios).all() else float("nan")


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
    dead = diverged >= 0
    outcome, learnt = _outcome(e, steps, accuracy, dead)
    if dead.any():
        return Verdict(_divergence(e, diverged, causes), outcome, "bad")
    return Verdict(_gradient(e, state_grad), outcome, "good" if learnt else "neutral")


def _divergence(e: Experiment, diverged: np.ndarray, causes: Sequence[str]) -> str:
    r = int(np.where(diverged >= 0, diverged, np.iinfo(np.int32).max).argmin())
    if e.replicas == 1:
        return f"It exploded: the network became NaN at training step {diverged[r]}, in {causes[r]}."
    who = f"{(diverged >= 0).sum()} of {e.replicas} networks"
    return f"It exploded: {who} became NaN, the first at training step {diverged[r]}, in {causes[r]}."


def _gradient(e: Experiment, state_grad: np.ndarray) -> str:
    task, parts = e.bound_task, CELLS[e.cell].parts
    ratios = [gradient_ratio(state_grad, e, part) for part in range(len(parts))]
    if ratios[0] == 0 and task.source(e.length) < e.first_uncut:
        cut = e.length - e.first_uncut
        return f"At the {task.source_name} the gradient is exactly 0: truncation cut its path after {cut} steps."
    if np.isnan(ratios).all():
        return f"At the {task.end_name} there is no gradient to send back."
    if len(parts) == 1:
        of = "times" if ratios[0] >= 1 else "of"
        left = f"{_share(ratios[0])} {of} what it is at the {task.end_name}: {fate(ratios[0])}"
        return f"At the {task.source_name} the gradient is {left}."
    told = [f"dL/d{part} is {_share(ratio)} of its size ({fate(ratio)})" for part, ratio in zip(parts, ratios, strict=True)]
    return f"From the {task.end_name} back to the {task.source_name}: {', '.join(told)}."


def _share(ratio: float) -> str:
    return "no part" if np.isnan(ratio) else amount(ratio)


def fate(ratio: float) -> str:
    """What became of a gradient of which this ratio is left; "it exploded" is said of what is not finite alone.

    | ratio  | < 1e-3      | < 0.1    | 0.1 to 10  | to 1e3   | > 1e3         | NaN or inf  |
    | :----- | :---------- | :------- | :--------- | :------- | :------------ | :---------- |
    | it ... | it vanished | it fades | it arrives | it grew  | it grew large | it exploded |

    The same words stand in every verdict, story, remedy and on every page.
    """
    if not np.isfinite(ratio):
        return "it exploded"
    words = ("it vanished", "it fades", "it arrives", "it grew", "it grew large")
    return words[sum((ratio >= VANISHED, ratio >= ARRIVES[0], ratio > ARRIVES[1], ratio > LARGE))]


def per_step(ratio: float, steps: int) -> float:
    """The mean factor a time step, ratio^(1 / steps), of a gradient of which `ratio` is left after `steps` time steps.

    1 where there is no step between.
    """
    return float(ratio ** (1 / steps)) if steps else 1.0


def _outcome(e: Experiment, steps: np.ndarray, accuracy: np.ndarray, dead: np.ndarray) -> tuple[str, bool]:
    """The sentence, and whether most networks have learnt the task and still know it."""
    task = e.bound_task
    samples = f"new {task.samples}"
    measured = accuracy[~np.isnan(accuracy).all(1)]
    if dead.all() or not len(measured):
        return "Nothing was learnt.", False
    at, now = solved_at(steps, accuracy), measured[-1]
    solved = at >= 0
    who = "The network" if e.replicas == 1 else f"{solved.sum()} of {e.replicas} networks"
    if solved.any():
        when = f"by step {int(np.median(at[solved]))}" + (" (median)" if e.replicas > 1 else "")
        lost = int((now[solved] < SOLVED).sum())
        lapse = f", but {lost if e.replicas > 1 else 'it'} fell below again" if lost else ""
        return f"{who} got at least 99 % of {samples} right, {when}{lapse}.", 2 * (now >= SOLVED).sum() > e.replicas
    rest = "the others: " if dead.any() else ""
    score = f"{rest}{np.nanmedian(now):.0%} of {samples} right, a guesser {task.chance:.0%}"
    if task.data and steps[-1] == e.steps:  # nobody gets all of somebody's sentences right
        return f"{score[0].upper()}{score[1:]}.", False
    return (f"So far {score}." if steps[-1] < e.steps else f"Not learnt: {score}."), False
