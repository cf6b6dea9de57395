"""Whether networks have learnt their task: one rule for every page, table and file, and the sentence that says it."""

from __future__ import annotations

import math

import numpy as np

from rnnkit.corpus.parts import Z95
from rnnkit.experiment import Experiment
from rnnkit.rounding import percent
from rnnkit.tasks import Task

SOLVED = 0.99  # of held-out sequences
NEARLY = 0.9
PHRASES = {"chance": "a guesser", "bag of words": "a bag of words"}  # baseline -> in a sentence


def bar(e: Experiment, least: float = SOLVED) -> float:
    """The accuracy from which on a network counts as having learnt: max(least, p + z sqrt(p (1 - p) / n)), z = 1.96.

    p: accuracy of the best of the task's baselines, n: sequences in the exam, also where each has several answers, because
    those are not independent. From there on the lower end of Wilson's 95 % interval of the accuracy is above p. Above 1 where an
    exam of this size cannot tell any network from that baseline; infinite where p is 1.
    """
    task = e.bound_task
    p, n = best_baseline(task, e.length)[1], task.exam_size(e.length)
    return max(least, p + Z95 * math.sqrt(p * (1 - p) / n)) if n and p < 1 else math.inf


def best_baseline(task: Task, length: int) -> tuple[str, float]:
    """The name and the accuracy of the best answers that need no memory for the order of the inputs."""
    return max(baselines(task, length).items(), key=lambda item: item[1])


def baselines(task: Task, length: int) -> dict[str, float]:
    """`task.baselines(length)`, computed once for each task and length."""
    known: dict[int, dict[str, float]] = task.__dict__.setdefault("_known_baselines", {})
    if length not in known:
        known[length] = task.baselines(length)
    return known[length]


def levels(e: Experiment) -> tuple[tuple[str, float], ...]:
    """What an accuracy chart marks: chance, and the best baseline where that is another one."""
    task, best = e.bound_task, best_baseline(e.bound_task, e.length)
    return (("chance", baselines(task, e.length)["chance"]), *([] if best[0] == "chance" else [best]))


def others(e: Experiment) -> str:
    """`a guesser 50 %`, or `a bag of words 65 %, a guesser 50 %`: the baselines that a network is held against."""
    return ", ".join(f"{PHRASES.get(name, f'the rule “{name}”')} {percent(score)}" for name, score in reversed(levels(e)))


def solved_at(steps: np.ndarray, accuracy: np.ndarray, bar: float = SOLVED) -> np.ndarray:
    """(R,): the first step whose accuracy reaches the bar, -1 where there is none; accuracy (N, R)."""
    good = accuracy >= bar
    return np.where(good.any(0), steps[good.argmax(0)], -1)


def last_exam(accuracy: np.ndarray, diverged: np.ndarray) -> np.ndarray:
    """(R,) accuracy in the last exam, NaN before the first one and of every network that is NaN now; accuracy (N, R)."""
    measured = accuracy[~np.isnan(accuracy).all(1)]
    now = measured[-1] if len(measured) else np.full(accuracy.shape[1], np.nan)
    return np.where(diverged >= 0, np.nan, now)


def outcome(e: Experiment, steps: np.ndarray, accuracy: np.ndarray, diverged: np.ndarray) -> tuple[str, bool]:
    """The sentence, and whether most networks have learnt the task and still know it.

    steps (N,) and accuracy (N, R) up to the step that is looked at; diverged (R,) at that step.
    """
    enough = bar(e)
    at, now = solved_at(steps, accuracy, enough), last_exam(accuracy, diverged)
    if (at >= 0).any():
        told = f"{_who(at, e)} got at least {percent(enough)} of new {e.bound_task.samples} right, {_when(at)}"
        return f"{told}{_lapse(at, now, diverged, enough)}{_beside(e)}.", 2 * int((now >= enough).sum()) > e.replicas
    if np.isnan(now).all():
        return _before_nan(e, accuracy), False
    return _score(e, now, int(steps[-1]), enough), False


def _who(at: np.ndarray, e: Experiment) -> str:
    return "The network" if e.replicas == 1 else f"{(at >= 0).sum()} of {e.replicas} networks"


def _when(at: np.ndarray) -> str:
    half = "half of them " if (at >= 0).sum() > 1 else ""
    return f"{half}by training step {int(np.median(at[at >= 0]))}"


def _lapse(at: np.ndarray, now: np.ndarray, diverged: np.ndarray, enough: float) -> str:
    """What became of the networks that had learnt it."""
    dead = (at >= 0) & (diverged >= 0)
    lost = (at >= 0) & ~dead & (now < enough)
    one = len(at) == 1
    told = [f"{'it' if one else lost.sum()} fell below again"] if lost.any() else []
    if dead.any():
        first = f"at training step {diverged[dead].min()}"
        told += [f"it became NaN {first}" if one else f"{dead.sum()} became NaN, the first {first}"]
    return f", but {' and '.join(told)}" if told else ""


def _beside(e: Experiment) -> str:
    """The best baseline, where it is not mere guessing."""
    return "" if best_baseline(e.bound_task, e.length)[0] == "chance" else f" ({others(e)})"


def _before_nan(e: Experiment, accuracy: np.ndarray) -> str:
    """The best of all m scores, where by chance it would be so good in one run of forty at most: m exp(-z^2 / 2) = 1 / 40."""
    scores = accuracy[~np.isnan(accuracy)]
    p, n = best_baseline(e.bound_task, e.length)[1], max(1, e.bound_task.exam_size(e.length))
    by_chance = p + math.sqrt(2 * math.log(40 * max(1, scores.size)) * p * (1 - p) / n)
    best = float(scores.max(initial=0))
    if best <= by_chance:
        return "Nothing was learnt."
    who = "the network" if e.replicas == 1 else "the best network"
    return f"Not learnt: {who} had {percent(best)} of new {e.bound_task.samples} right before its weights became NaN."


def _score(e: Experiment, now: np.ndarray, step: int, enough: float) -> str:
    """How many are right where nobody has learnt it, beside the baselines."""
    task, others_alone = e.bound_task, bool(np.isnan(now).any())
    score = f"{percent(float(np.nanmedian(now)))} of new {task.samples} right, {others(e)}{_untold(e, enough)}"
    if step < e.steps:
        return f"{'Of the others so far' if others_alone else 'So far'} {score}."
    if others_alone:
        return f"Not learnt: the others: {score}."
    if not task.data:
        return f"Not learnt: {score}."
    return f"{score[0].upper()}{score[1:]}."  # nobody gets all of somebody's sentences right


def _untold(e: Experiment, enough: float) -> str:
    """Why no network can have learnt it."""
    p, n = best_baseline(e.bound_task, e.length)[1], e.bound_task.exam_size(e.length)
    if p == 1:
        return ": no network can be better than that"
    if enough <= 1:
        return ""
    samples = e.bound_task.samples if e.bound_task.asked(e.length) == 1 else "sequences"
    return f": with {n:,} {samples} no network can be told from a rule that has {percent(p)} right"
