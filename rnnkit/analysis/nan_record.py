"""Records of networks that became NaN, from a run's History: at which step, in which tensor, and which update caused it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from rnnkit.analysis.learnt import solved_threshold
from rnnkit.engine.fixes import ClipNorm
from rnnkit.engine.history import History
from rnnkit.experiment import Experiment
from rnnkit.rounding import amount, percent

# Measured on 256 networks with fresh seeds: two in three are NaN within 5 steps. Of those, 98 % learn with clipping from
# jump_step on, and 1 % with clipping from the step before the NaN on.
DIVERGING = Experiment(
    length=15,
    cell="relu",
    init="identity",
    gain=1.2,
    input_scale=0.03,
    fixes=(),
    optimizer="sgd",
    lr=1.0,
    steps=300,
    seed=120,
)
THRESHOLD = 0.03  # norm to which the rewound networks are clipped
# Measured on 256 networks with seeds from 0 on: 55 % are NaN within 30 steps. In the median of those the update that moves the
# weights too far comes when the gradient's norm has grown to nine times its first value.
GROWING = Experiment(
    task="permutation",
    length=15,
    cell="relu",
    init="spectral",
    gain=1.4,
    input_scale=0.03,
    fixes=(),
    optimizer="sgd",
    lr=0.1,
    steps=300,
    seed=104,
)
RUNS = {  # name -> the networks that the page offers, and the norm to which they are clipped after the rewind
    "grows": (GROWING, 1.0),
    "at-once": (DIVERGING, THRESHOLD),
}
MAX_LOSS_RATIO = 10  # loss over a guesser's; above, the weights have left the useful range


@dataclass(frozen=True)
class NanRecord:
    """When and why one network became NaN."""

    network: int
    nan_step: int  # first training step with a value that is not finite
    cause: str  # the first tensor that has one
    jump_step: int  # step whose update moved the weights too far: the last with a loss of at most MAX_LOSS_RATIO x a guesser's
    loss: np.ndarray  # (nan_step + 1,)
    norm: np.ndarray  # (nan_step + 1,) ||dL/dtheta|| before the remedies


def nan_records(h: History, n: int) -> list[NanRecord]:
    """Returns a NanRecord of every network that became NaN in the first n recorded steps, the latest NaN first.

    Raises ValueError where the run does not record every training step.
    """
    if not n:
        return []
    if h.e.every != 1:
        raise ValueError(f"a record of NaN needs every training step, this run records every {h.e.every} steps")
    results = [_nan_record(h, int(r), n) for r in np.flatnonzero(h.diverged[n - 1] >= 0)]
    return sorted(results, key=lambda a: (-a.nan_step, a.network))


def _nan_record(h: History, r: int, n: int) -> NanRecord:
    nan_step = int(h.diverged[n - 1, r])
    loss, norm = h.loss[: nan_step + 1, r], h.norm_raw[: nan_step + 1, r]
    thrown = np.append(~(loss <= MAX_LOSS_RATIO * h.e.guess_loss), True)[1:]  # by the loss at the next step
    return NanRecord(r, nan_step, h.causes[n - 1][r], min(int(thrown.argmax()), max(nan_step - 1, 0)), loss, norm)


def rewound(e: Experiment, step: int, threshold: float) -> Experiment:
    """Returns the Experiment whose gradient is clipped to norm `threshold` from this step on; up to it, it is e bit for bit."""
    others = tuple(fix for fix in e.fixes if fix.name != ClipNorm.name)
    return replace(e, fixes=(*others, ClipNorm(threshold, start_step=step)))


def clipping(e: Experiment) -> ClipNorm:
    """Returns the ClipNorm of a rewound Experiment."""
    return next(fix for fix in e.fixes if isinstance(fix, ClipNorm))


# ---- in words ----


def finding(e: Experiment, a: NanRecord) -> str:
    """Returns sentences on the first tensor that is not finite and the update that caused it (Markdown)."""
    text = f"At training step {a.nan_step} the first tensor that is not finite is **{a.cause}**. "
    if not a.nan_step:
        return text + "These are the weights as they were drawn: there is nothing to rewind to."
    when = "the step before" if a.jump_step == a.nan_step - 1 else f"step {a.jump_step}"
    length = f"learning rate × norm = {amount(e.lr * a.norm[a.jump_step])}"
    loss = f"a loss of {amount(a.loss[a.jump_step])} (a guesser has {amount(e.guess_loss)})"
    return f"{text}The update that threw the weights was that of {when}: at {loss}, SGD moved the weights by {length}."


def steps_table(e: Experiment, a: NanRecord, radii: Mapping[int, float]) -> str:
    """Returns the last steps as a Markdown table; `radii` maps training steps to spectral radii of W_rec, where known."""
    rows = ["| step | loss | gradient norm | weights move by | spectral radius |", "|--:|--:|--:|--:|--:|"]
    for step in last_steps(a):
        moved = "frozen" if step == a.nan_step else amount(e.lr * a.norm[step])
        radius = amount(radii[step]) if step in radii else "…"
        rows.append(f"| {step} | {amount(a.loss[step])} | {amount(a.norm[step])} | {moved} | {radius} |")
    return "\n".join(rows)


def rise(a: NanRecord) -> int:
    """Returns the step from which the gradient's norm grew at every step up to jump_step; jump_step where it did not."""
    step = a.jump_step
    while step and a.norm[step - 1] < a.norm[step]:
        step -= 1
    return step


def last_steps(a: NanRecord) -> list[int]:
    """Returns at most eight steps up to nan_step."""
    return list(range(max(0, a.nan_step - 7), a.nan_step + 1))


def spectral_radius(W_rec: np.ndarray) -> float:
    """Returns the largest absolute eigenvalue of W_rec (H, H); NaN where a weight is not finite."""
    return float(np.abs(np.linalg.eigvals(W_rec.astype(float))).max()) if np.isfinite(W_rec).all() else float("nan")


def recovery(e: Experiment, a: NanRecord, saved: History, n: int) -> tuple[str, str]:
    """Returns the outcome of the same network in the rewound run, from its first n rows: a short one, and sentences."""
    clip, nan_step = clipping(saved.e), int(saved.diverged[n - 1, a.network])
    step, free = (amount(e.lr * norm) for norm in (min(clip.threshold, a.norm[clip.start_step]), a.norm[clip.start_step]))
    text = f"Clipped from step {clip.start_step} on, that update was {step} long" + (f", not {free}. " if step != free else ". ")
    if clip.start_step > a.jump_step:
        text += f"But its weights had been thrown at step {a.jump_step} already. "
    if nan_step >= 0:
        return "Too late.", f"{text}It became NaN at step {nan_step}."
    text += f"At step {saved.steps[n - 1]}: loss {amount(float(saved.loss[n - 1, a.network]))}"
    known = np.flatnonzero(~np.isnan(saved.accuracy[:n, a.network]))
    if len(known):
        text += f", {percent(saved.accuracy[known[-1], a.network])} of new {saved.e.bound_task.samples} right"
        text += f" at step {saved.steps[known[-1]]}" if known[-1] < n - 1 else ""
    if n < len(saved.steps):
        return "Finite so far.", f"{text}."
    learnt = saved.accuracy[n - 1, a.network] >= solved_threshold(saved.e)
    return "Saved: it learns." if learnt else "Finite, but it has not learnt.", f"{text}."
