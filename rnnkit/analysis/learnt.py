"""The rule by which a network counts as having learnt its task, and the sentence about it. All pages and files use it."""

from __future__ import annotations

import math

import numpy as np

from rnnkit.corpus.parts import Z95
from rnnkit.experiment import Experiment
from rnnkit.rounding import percent
from rnnkit.tasks import Task

SOLVED = 0.99  # accuracy on held-out sequences
NEARLY = 0.9
PHRASES = {"chance": "a guesser", "bag of words": "a bag of words"}  # baseline -> its name in a sentence


def solved_threshold(e: Experiment, minimum: float = SOLVED) -> float:
    """Returns the accuracy from which on a network has learnt the task: max(minimum, p + z sqrt(p (1 - p) / n)), z = 1.96.

    p is the accuracy of the task's best baseline. n is the number of held-out sequences; several answers of one sequence count
    once, because they are not independent. Above this accuracy, the lower end of Wilson's 95 % interval is above p. The result
    is above 1 where n sequences cannot tell any network from the baseline, and infinite where p is 1.
    """
    task = e.bound_task
    p, n = best_baseline(task, e.length)[1], task.evaluation_size(e.length)
    return max(minimum, p + Z95 * math.sqrt(p * (1 - p) / n)) if n and p < 1 else math.inf


def best_baseline(task: Task, length: int) -> tuple[str, float]:
    """Returns name and accuracy of the task's best baseline, which needs no memory of the order of the inputs."""
    return max(baselines(task, length).items(), key=lambda item: item[1])


def baselines(task: Task, length: int) -> dict[str, float]:
    """Returns `task.baselines(length)`, name -> accuracy, cached for each task and length."""
    known: dict[int, dict[str, float]] = task.__dict__.setdefault("_known_baselines", {})
    if length not in known:
        known[length] = task.baselines(length)
    return known[length]


def levels(e: Experiment) -> tuple[tuple[str, float], ...]:
    """Returns (name, accuracy) of the lines in an accuracy chart: chance, and the best baseline where that is another one."""
    task, best = e.bound_task, best_baseline(e.bound_task, e.length)
    return (("chance", baselines(task, e.length)["chance"]), *([] if best[0] == "chance" else [best]))


def baselines_text(e: Experiment) -> str:
    """Returns the baselines of `levels` in words: `a guesser 50 %`, or `a bag of words 65 %, a guesser 50 %`."""
    return ", ".join(f"{PHRASES.get(name, f'the rule “{name}”')} {percent(score)}" for name, score in reversed(levels(e)))


def solved_at(steps: np.ndarray, accuracy: np.ndarray, threshold: float = SOLVED) -> np.ndarray:
    """Returns (R,) the first of the steps (N,) whose accuracy (N, R) reaches the threshold; -1 where none does."""
    reached = accuracy >= threshold
    return np.where(reached.any(0), steps[reached.argmax(0)], -1)


def last_accuracy(accuracy: np.ndarray, diverged: np.ndarray) -> np.ndarray:
    """Returns (R,) the accuracy (N, R) of the last evaluation; NaN before the first one, and for networks that are NaN now.

    diverged: (R,) the step at which a network became NaN, -1 while it is finite.
    """
    measured = accuracy[~np.isnan(accuracy).all(1)]
    now = measured[-1] if len(measured) else np.full(accuracy.shape[1], np.nan)
    return np.where(diverged >= 0, np.nan, now)


def outcome(e: Experiment, steps: np.ndarray, accuracy: np.ndarray, diverged: np.ndarray) -> tuple[str, bool]:
    """Returns the sentence about accuracy, and whether most networks reach the threshold in the last evaluation.

    steps (N,) and accuracy (N, R) end at the row in question; diverged (R,) is that row's.
    """
    threshold = solved_threshold(e)
    at, now = solved_at(steps, accuracy, threshold), last_accuracy(accuracy, diverged)
    if (at >= 0).any():
        text = f"{_who(at, e)} got at least {percent(threshold)} of new {e.bound_task.samples} right, {_when(at)}"
        return f"{text}{_lapse(at, now, diverged, threshold)}{_beside(e)}.", 2 * int((now >= threshold).sum()) > e.replicas
    if np.isnan(now).all():
        return _before_nan(e, accuracy), False
    return _score(e, now, int(steps[-1]), threshold), False


def _who(at: np.ndarray, e: Experiment) -> str:
    return "The network" if e.replicas == 1 else f"{(at >= 0).sum()} of {e.replicas} networks"


def _when(at: np.ndarray) -> str:
    half = "half of them " if (at >= 0).sum() > 1 else ""
    return f"{half}by training step {int(np.median(at[at >= 0]))}"


def _lapse(at: np.ndarray, now: np.ndarray, diverged: np.ndarray, threshold: float) -> str:
    """Returns how many networks that had learnt the task have fallen below the threshold or become NaN; "" for none."""
    diverged_later = (at >= 0) & (diverged >= 0)
    below = (at >= 0) & ~diverged_later & (now < threshold)
    one = len(at) == 1
    parts = [f"{'it' if one else below.sum()} fell below again"] if below.any() else []
    if diverged_later.any():
        first = f"at training step {diverged[diverged_later].min()}"
        parts += [f"it became NaN {first}" if one else f"{diverged_later.sum()} became NaN, the first {first}"]
    return f", but {' and '.join(parts)}" if parts else ""


def _beside(e: Experiment) -> str:
    """Returns the baselines in parentheses, where the best one is not chance; else ""."""
    return "" if best_baseline(e.bound_task, e.length)[0] == "chance" else f" ({baselines_text(e)})"


def _before_nan(e: Experiment, accuracy: np.ndarray) -> str:
    """Returns the sentence on the best accuracy before all networks became NaN.

    It is named where chance reaches it in at most one run of 40: the bound on m scores is p + z sqrt(p (1 - p) / n) with
    m exp(-z^2 / 2) = 1 / 40.
    """
    scores = accuracy[~np.isnan(accuracy)]
    p, n = best_baseline(e.bound_task, e.length)[1], max(1, e.bound_task.evaluation_size(e.length))
    by_chance = p + math.sqrt(2 * math.log(40 * max(1, scores.size)) * p * (1 - p) / n)
    best = float(scores.max(initial=0))
    if best <= by_chance:
        return "Nothing was learnt."
    who = "the network" if e.replicas == 1 else "the best network"
    return f"Not learnt: {who} had {percent(best)} of new {e.bound_task.samples} right before its weights became NaN."


def _score(e: Experiment, now: np.ndarray, step: int, threshold: float) -> str:
    """Returns the sentence on the median accuracy, beside the baselines, where no network has learnt the task."""
    task, only_survivors = e.bound_task, bool(np.isnan(now).any())
    score = f"{percent(float(np.nanmedian(now)))} of new {task.samples} right, {baselines_text(e)}{_why_unsolvable(e, threshold)}"
    if step < e.steps:
        return f"{'Of the others so far' if only_survivors else 'So far'} {score}."
    if only_survivors:
        return f"Not learnt: the others: {score}."
    if not task.data:
        return f"Not learnt: {score}."
    return f"{score[0].upper()}{score[1:]}."  # 99 % is not to be expected of a user's file


def _why_unsolvable(e: Experiment, threshold: float) -> str:
    """Returns why no network can count as having learnt the task; "" where one can."""
    p, n = best_baseline(e.bound_task, e.length)[1], e.bound_task.evaluation_size(e.length)
    if p == 1:
        return ": no network can be better than that"
    if threshold <= 1:
        return ""
    samples = e.bound_task.samples if e.bound_task.n_targets(e.length) == 1 else "sequences"
    return f": with {n:,} {samples} no network can be told from a rule that has {percent(p)} right"
