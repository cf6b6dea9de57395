"""Autopsy of networks that became NaN: when, in which tensor, and which update was the blow. From a run's History."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from rnnkit.analysis.describe import amount
from rnnkit.analysis.learnt import bar
from rnnkit.engine.fixes import ClipNorm
from rnnkit.engine.history import History
from rnnkit.experiment import Experiment
from rnnkit.rounding import percent

# Measured on 256 networks with fresh seeds: two in three are NaN within 5 steps. Clipped from the blow on, 98 % of those learn;
# clipped from the step before the NaN on, 1 %: by then the weights are thrown.
DOOMED = Experiment(
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
THRESHOLD = 0.03  # for the clipping that saves them
SANE = 10  # times the loss of a guesser: what is above was thrown


@dataclass(frozen=True)
class Autopsy:
    """One network of a run that recorded every step. Losses and norms are of the steps 0 ... fatal."""

    network: int
    fatal: int  # the training step at which something was not finite
    cause: str  # the first tensor that was not
    blow: int  # the step whose update threw the weights: the last one before the loss left the sane range
    loss: np.ndarray
    norm: np.ndarray  # ||dL/dtheta|| before the remedies


def autopsies(h: History, n: int) -> list[Autopsy]:
    """Of every network that became NaN in the first n recorded steps; those that lived longest come first."""
    if not n:
        return []
    if h.e.every != 1:
        raise ValueError(f"an autopsy needs every training step recorded, this run records every {h.e.every} steps")
    found = [_autopsy(h, int(r), n) for r in np.flatnonzero(h.diverged[n - 1] >= 0)]
    return sorted(found, key=lambda a: (-a.fatal, a.network))


def _autopsy(h: History, r: int, n: int) -> Autopsy:
    fatal = int(h.diverged[n - 1, r])
    loss, norm = h.loss[: fatal + 1, r], h.norm_raw[: fatal + 1, r]
    thrown = np.append(~(loss <= SANE * h.e.guess_loss), True)[1:]  # is it at the next step?
    return Autopsy(r, fatal, h.causes[n - 1][r], min(int(thrown.argmax()), max(fatal - 1, 0)), loss, norm)


def rewound(e: Experiment, step: int, threshold: float) -> Experiment:
    """The same run, bit for bit, up to this step; there and later the gradient is clipped."""
    others = tuple(fix for fix in e.fixes if fix.name != ClipNorm.name)
    return replace(e, fixes=(*others, ClipNorm(threshold, start_step=step)))


def clipping(e: Experiment) -> ClipNorm:
    """Of a rewound run."""
    return next(fix for fix in e.fixes if isinstance(fix, ClipNorm))


# ---- in words ----


def finding(e: Experiment, a: Autopsy) -> str:
    """The cause of death, and the blow."""
    told = f"At training step {a.fatal} the first tensor that is not finite is **{a.cause}**. "
    if not a.fatal:
        return told + "These are the weights as they were drawn: there is nothing to rewind to."
    when = "the step before" if a.blow == a.fatal - 1 else f"step {a.blow}"
    length = f"learning rate × norm = {amount(e.lr * a.norm[a.blow])}"
    loss = f"a loss of {amount(a.loss[a.blow])} (a guesser has {amount(e.guess_loss)})"
    return f"{told}The blow was {when}: at {loss}, SGD moved the weights by {length}."


def chart(e: Experiment, a: Autopsy, radii: Mapping[int, float]) -> str:
    """The last steps as a table in Markdown; `radii`: training step -> spectral radius of W_rec, as far as it is known."""
    rows = ["| step | loss | gradient norm | weights move by | spectral radius |", "|--:|--:|--:|--:|--:|"]
    for step in last_steps(a):
        moved = "frozen" if step == a.fatal else amount(e.lr * a.norm[step])
        radius = amount(radii[step]) if step in radii else "…"
        rows.append(f"| {step} | {amount(a.loss[step])} | {amount(a.norm[step])} | {moved} | {radius} |")
    return "\n".join(rows)


def last_steps(a: Autopsy) -> list[int]:
    """From the blow on, and not more than six."""
    return list(range(max(a.blow, a.fatal - 5), a.fatal + 1))


def spectral_radius(W_rec: np.ndarray) -> float:
    return float(np.abs(np.linalg.eigvals(W_rec.astype(float))).max()) if np.isfinite(W_rec).all() else float("nan")


def recovery(e: Experiment, a: Autopsy, saved: History, n: int) -> tuple[str, str]:
    """What became of the same network after the rewind, from the first n rows of that run: in a word, and in a sentence."""
    clip, died = clipping(saved.e), int(saved.diverged[n - 1, a.network])
    step, free = (amount(e.lr * norm) for norm in (min(clip.threshold, a.norm[clip.start_step]), a.norm[clip.start_step]))
    told = f"Clipped from step {clip.start_step} on, that update was {step} long" + (f", not {free}. " if step != free else ". ")
    if clip.start_step > a.blow:
        told += f"But its weights had been thrown at step {a.blow} already. "
    if died >= 0:
        return "Too late.", f"{told}It became NaN at step {died}."
    told += f"At step {saved.steps[n - 1]}: loss {amount(float(saved.loss[n - 1, a.network]))}"
    known = np.flatnonzero(~np.isnan(saved.accuracy[:n, a.network]))
    if len(known):
        told += f", {percent(saved.accuracy[known[-1], a.network])} of new sentences right"
        told += f" at step {saved.steps[known[-1]]}" if known[-1] < n - 1 else ""
    if n < len(saved.steps):
        return "Alive.", f"{told}."
    learnt = saved.accuracy[n - 1, a.network] >= bar(saved.e)
    return "Saved: it learns." if learnt else "Alive, but it has not learnt.", f"{told}."
