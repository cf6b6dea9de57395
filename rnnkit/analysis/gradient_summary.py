"""What became of the gradient on its way back, in words, and why, where that can be known from what was recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rnnkit.analysis.describe import amount, smallest
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import GradientFix
from rnnkit.engine.history import History, median
from rnnkit.engine.optim import OPTIMIZERS
from rnnkit.engine.record import ABSENT
from rnnkit.experiment import Experiment
from rnnkit.rounding import percent

ARRIVES = (0.1, 10.0)  # ratios of the gradient at the source to that at the last step that count as arriving
VANISHED, LARGE = 1e-3, 1e3  # below, above
MARKS = (VANISHED, ARRIVES[0], 1.0, ARRIVES[1], LARGE)  # a ratio is never rounded to one of these
SATURATED = 0.1  # share of saturated states from which on they are named as a cause
OFF = 0.5  # the same of ReLUs that are off: some always are
GREW = 1.5  # a spectral radius, or a loss, that is so many times what it was is named
OPEN = 0.9  # a gate that keeps less of the memory than this a time step is named
THROWN = 0.3  # training that has moved the weights by less than this, in norm, has not thrown them
RECENT = 5  # records that tell whether a loss is high: a single batch can be unlucky


# ---- the ratio, and one scale of words for it ----


def gradient_ratio(state_grad: np.ndarray, e: Experiment, part: int = 0) -> float:
    """||dL/ds|| at the step that holds the answer over that at the last step; state_grad is (P, T, R).

    The median over the networks that have a gradient at the last step. One that became NaN counts as largest; NaN where half of
    them or more are NaN, and where no network has a gradient.
    """
    ratios = gradient_ratios(state_grad, e, part)
    return float(median(ratios[None])[0]) if len(ratios) else float("nan")


def gradient_ratios(state_grad: np.ndarray, e: Experiment, part: int = 0) -> np.ndarray:
    """Of each network that has a gradient at the last step, (at most R,); see gradient_ratio."""
    grad = state_grad[part].astype(np.float64)
    source, last = grad[e.bound_task.source(e.length)], grad[-1]
    there = has_gradient(state_grad[part, -1]) & (source != ABSENT)
    with np.errstate(invalid="ignore", over="ignore"):
        return source[there] / last[there]


def has_gradient(last: np.ndarray) -> np.ndarray:
    """Whether there is one at the last step: so much that a thousandth of it, which counts as vanished, is still a number."""
    return ~(last < np.finfo(last.dtype).tiny / VANISHED)  # NaN is one


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


def is_cut(e: Experiment) -> bool:
    """Whether truncation cuts the way back from the last step to the source."""
    return e.bound_task.source(e.length) < e.first_uncut


def share(ratio: float, e: Experiment, dtype: np.typing.DTypeLike) -> str:
    """A gradient_ratio in a few characters. 0 is exact where truncation cut, elsewhere it is what `dtype` cannot hold."""
    return amount(ratio, "exactly 0 (cut)" if is_cut(e) else smallest(dtype), MARKS)


def remaining(h: History, row: int, part: int = 0, network: int | None = None) -> str:
    """The share of the gradient that is left at the source, of all networks or of one; "none" without one at the last step."""
    grad = h.state_grad[row] if network is None else h.state_grad[row][..., network : network + 1]
    there = len(gradient_ratios(grad, h.e, part))
    return share(gradient_ratio(grad, h.e, part), h.e, grad.dtype) if there else "none"


def compared(ratio: float, of: str, dtype: np.typing.DTypeLike) -> str:
    """`0.2 of its size` or `178 times its size`, where `of` is "its size"; `below 1e-38` and `beyond float32` without it."""
    if ratio == 0 or not np.isfinite(ratio):
        return smallest(dtype) if ratio == 0 else f"beyond {np.dtype(dtype)}"
    text = amount(ratio, apart=MARKS)
    return f"{text} {'of' if float(text.replace(',', '')) < 1 else 'times'} {of}"


# ---- the sentences ----


def gradient_sentence(h: History, row: int) -> str:
    """How much of the last loss's gradient is left at the source."""
    e, task = h.e, h.e.bound_task
    some = [len(gradient_ratios(h.state_grad[row], e, part)) > 0 for part in range(len(h.parts))]
    ratios = [gradient_ratio(h.state_grad[row], e, part) for part in range(len(h.parts))]
    of = " of the last loss" if e.several_losses else ""
    if 0 in ratios and is_cut(e):
        cut = e.length - e.first_uncut
        return (
            f"At the {task.source_name} the gradient{of} is exactly 0: truncation cut its path after {cut} step{'s' * (cut > 1)}."
        )
    if not any(some):
        if has_gradient(h.state_grad[row, :, -1]).any():
            return f"No {task.samples.removesuffix('s')} of this batch is so long that it has a {task.source_name}."
        sure = " The loss is 0: every answer is given with certainty." if not h.loss[row].any() else ""
        return f"At the {task.end_name} there is no gradient to send back.{sure}"
    if len(h.parts) > 1:
        told = [_part(h, *of_part) for of_part in zip(h.parts, ratios, some, strict=True)]
        return f"From the {task.end_name} back to the {task.source_name}{of and ', of the last loss alone'}: {', '.join(told)}."
    (ratio,) = ratios
    if ratio == 0:
        return f"At the {task.source_name} the gradient{of} is {_nothing(h, row)}."
    size = compared(ratio, f"what it is at the {task.end_name}", h.state_grad.dtype)
    return f"At the {task.source_name} the gradient{of} is {size}{_factor(e, ratio)}: {fate(ratio)}."


def _part(h: History, name: str, ratio: float, some: bool) -> str:
    if not some:
        return f"dL/d{name} has no gradient"
    return f"dL/d{name} is {compared(ratio, 'its size', h.state_grad.dtype)}{_factor(h.e, ratio)} ({fate(ratio)})"


def _factor(e: Experiment, ratio: float) -> str:
    """The mean factor a time step, where much is lost or won over several of them."""
    steps = e.length - 1 - e.bound_task.source(e.length)
    if steps < 2 or ratio == 0 or fate(ratio) in ("it arrives", "it exploded"):
        return ""
    return f", a factor of {amount(per_step(ratio, steps), apart=MARKS, more=1)} a time step"


def _nothing(h: History, row: int) -> str:
    """Why most networks' gradient is 0 at the source: exactly, or below the smallest number."""
    e = h.e
    zero = h.state_grad[row, 0, e.bound_task.source(e.length)] == 0
    blocked = h.blocked[row, zero]
    if _has_no_recurrence(e, row):
        return "exactly 0: W_rec is 0"
    if CELLS[e.cell].flat == "off" and (blocked == 1).all():
        when = "" if (h.flat[row, zero] == 1).all() else "in every sequence there is a time step at which "
        return f"exactly 0: {when}no unit is on"
    if CELLS[e.cell].flat != "off" and (blocked > 0).any():
        where = "every sequence" if (blocked == 1).all() else f"{_range(blocked, percent)} of the sequences"
        why = f"in {where} there is a time step at which all units are so saturated that their slopes round to 0"
        return f"0 in {h.state_grad.dtype}: {why}; it vanished"
    return f"{smallest(h.state_grad.dtype)}: it vanished"


def _has_no_recurrence(e: Experiment, row: int) -> bool:
    """Whether W_rec is 0, the only way through time: it was drawn so, and has not been trained since."""
    cell = CELLS[e.cell]
    held = cell.reservoir or any(fix.holds("W_rec") and not fix.start_step for fix in e.fixes if isinstance(fix, GradientFix))
    beside = cell.gates > 1 or (cell.has_direct_path and e.leak < 1)
    return e.gain == 0 and not beside and (row == 0 or held)


# ---- the cause ----


@dataclass(frozen=True)
class _Look:
    """What is known of the networks at one row; (R,) each, NaN where it is not."""

    ratio: float  # of the last part of the state, which keeps the memory where there are two
    flat: np.ndarray
    gate: np.ndarray
    loss: np.ndarray
    radius: np.ndarray
    radius_step: int  # when that was measured


def _look(h: History, row: int) -> _Look:
    measured = np.flatnonzero(~np.isnan(h.radius[: row + 1]).all(1))
    at = int(measured[-1]) if len(measured) else row
    ratio = gradient_ratio(h.state_grad[row], h.e, len(h.parts) - 1)
    return _Look(ratio, h.flat[row], h.gate[row], h.loss[row], h.radius[at], int(h.steps[at]))


def cause(h: History, row: int) -> str:
    """Why the gradient fares as it does, as far as the records tell: what it was before training, and what has changed since.

    "" where there is nothing to tell. Behind gradient_sentence: it begins with what belongs to that.
    """
    then, now = _look(h, 0), _look(h, row)
    facts = _facts(h, row, then, now)
    told = [*_spread(h, row), *_before(h, then, now)]
    high = loss_is_high(h, row)
    thrown = high or (_changed(then, now) and bool(facts) and _moved(then, now) and not _learnt_something(h, row))
    threw = f": {_mover(h.e)} threw the weights" if thrown and _farthest(h, row) >= THROWN else ""
    if facts:
        text = f"{'besides, ' if _cut_off(h.e, now) else ''}{' and '.join(facts)}"
        told.append(f"{text[0].upper()}{text[1:]}{'' if high else threw}.")
    if high:
        told.append(f"The loss is {_range(now.loss)}, a guesser has {amount(h.e.guess_loss)}{threw}.")
    return " ".join([*told, *_clipping(h, row, now)])


def _before(h: History, then: _Look, now: _Look) -> list[str]:
    """What the gradient was before training, where that is something else."""
    if not _changed(then, now):
        return []
    dtype = h.state_grad.dtype
    if len(h.parts) == 1:
        return [f"At training step 0 it was {share(then.ratio, h.e, dtype)}."]
    return [f"At training step 0 dL/d{h.parts[-1]} was {compared(then.ratio, 'its size', dtype)}."]


def _cut_off(e: Experiment, now: _Look) -> bool:
    """Whether truncation is the cause, and nothing else."""
    return is_cut(e) and now.ratio == 0


def loss_is_high(h: History, row: int) -> bool:
    """Whether the median loss is far above a guesser's, and above what it was before training."""
    recent = median(h.loss[max(0, row - RECENT + 1) : row + 1])
    level = GREW * max(h.e.guess_loss, float(median(h.loss[:1])[0]))
    return bool(row and np.median(recent) > level and recent[-1] > level)


def _changed(then: _Look, now: _Look) -> bool:
    """Whether the gradient fares in another way than before training, by a factor of 10 or more."""
    if not np.isfinite([then.ratio, now.ratio]).all() or fate(then.ratio) == fate(now.ratio):
        return False
    low, high = sorted((then.ratio, now.ratio))
    return high >= 10 * low


def _moved(then: _Look, now: _Look) -> bool:
    """Whether training has brought the units or W_rec to where gradients vanish or grow."""
    return _rise(then.flat, now.flat) >= 2 * SATURATED or _factor_of(then.radius, now.radius) >= GREW


def _learnt_something(h: History, row: int) -> bool:
    return bool(median(h.loss[max(0, row - RECENT + 1) : row + 1]).min() < 0.9 * h.e.guess_loss)


def _farthest(h: History, row: int) -> float:
    """An upper bound on how far training has moved the weights of any network, from the recorded norms: 0 where lr is 0 or all
    weights are frozen. Without moving them a loss can be high all the same, by its batch or by a state that is carried over.
    """
    e, rule, cell = h.e, OPTIMIZERS[h.e.optimizer], CELLS[h.e.cell]
    if cell.reservoir or not h.norm_applied[: row + 1].any():
        return 0.0
    width, biases = cell.gates * e.hidden, 1 + cell.recurrent_bias
    n = (e.bound_task.n_in + e.hidden + biases) * width + (e.hidden + 1) * e.bound_task.n_out
    longest = n**0.5 if rule.adaptive else float(np.nanmax(h.norm_applied[: row + 1], initial=0))
    return float(h.steps[row]) * e.lr * rule.longest * longest


def _mover(e: Experiment) -> str:
    return "training" if any(fix.moves_weights for fix in e.fixes) else "the learning rate"


def _facts(h: History, row: int, then: _Look, now: _Look) -> list[str]:
    """What stops the gradient, or lets it grow; beside truncation only what training has changed."""
    lost, grown = now.ratio < ARRIVES[0], now.ratio > ARRIVES[1]
    facts = _flat_units(h, row, then, now) if lost else []
    if lost and not _cut_off(h.e, now) and _middle(now.gate) < OPEN:
        facts.append(f"the gate that keeps the memory keeps {_range(now.gate)} of it a time step")
    stopped = grown or _stops(h, now)  # a large radius stops no gradient but by units that it drives flat
    risen = row > 0 and (lost or grown) and _factor_of(then.radius, now.radius) >= GREW
    if stopped and (risen or grown) and _middle(now.radius) > 1.05:
        when = f" at training step {now.radius_step}" if now.radius_step != h.steps[row] else ""
        before = f" ({_range(then.radius)} at training step 0)" if risen else ""
        facts.append(f"the spectral radius of W_rec is {_range(now.radius)}{when}{before}")
    return facts


def _flat_units(h: History, row: int, then: _Look, now: _Look) -> list[str]:
    """How many units let next to nothing through, where that is not said already."""
    flat, off, cut = _middle(now.flat), CELLS[h.e.cell].flat == "off", _cut_off(h.e, now)
    changed = row > 0 and abs(_rise(then.flat, now.flat)) >= SATURATED
    known = off and flat == 1 and now.ratio == 0 and not cut
    if not _stops(h, now) or known or (cut and not changed):
        return []
    before = f" ({percent(_middle(then.flat))} at training step 0)" if changed else ""
    return [f"{_range(now.flat, percent)} of the {'units are off' if off else 'states are saturated'}{before}"]


def _stops(h: History, now: _Look) -> bool:
    """Whether so many units let next to nothing through that they are a cause."""
    return _middle(now.flat) >= (OFF if CELLS[h.e.cell].flat == "off" else SATURATED)


def _clipping(h: History, row: int, now: _Look) -> list[str]:
    """A gradient that grew and was clipped before it could do harm."""
    raw, applied = (float(median(norms[row : row + 1])[0]) for norms in (h.norm_raw, h.norm_applied))
    begun = [fix for fix in h.e.fixes if isinstance(fix, GradientFix) and fix.start_step <= h.steps[row]]
    clips = [fix for fix in begun if fix.name.startswith("clip")]
    if not clips or not now.ratio > ARRIVES[1] or not raw > 2 * applied:
        return []
    leave = "clipping leaves" if len(clips) == len(begun) else "the remedies leave"  # a frozen weight counts no more
    return [f"The weights' gradient has the norm {amount(raw)}, {leave} {amount(applied)}."]


def _spread(h: History, row: int) -> list[str]:
    """Where the median does not speak for all networks."""
    ratios = np.sort(gradient_ratios(h.state_grad[row], h.e, len(h.parts) - 1))  # NaN is last
    R, told = h.e.replicas, []
    if len({fate(ratio) for ratio in ratios}) > 1:
        low, high = (share(float(ratio), h.e, h.state_grad.dtype) for ratio in ratios[[0, -1]])
        of = f" of dL/d{h.parts[-1]}" if len(h.parts) > 1 else ""
        told.append(f"That is the median{of}: the networks have from {low} to {high}.")
    without = int((~has_gradient(h.state_grad[row, -1, -1])).sum())
    if 0 < without < R:
        has = "has" if without == 1 else "have"
        what = f"dL/d{h.parts[-1]}" if len(h.parts) > 1 else "gradient"
        told.append(f"{without} of {R} networks {has} no {what} at the {h.e.bound_task.end_name}.")
    return told


def _middle(values: np.ndarray) -> float:
    return float(median(values[None])[0])


def _rise(then: np.ndarray, now: np.ndarray) -> float:
    """0 where one of them is not known."""
    rise = _middle(now) - _middle(then)
    return 0.0 if np.isnan(rise) else rise


def _factor_of(then: np.ndarray, now: np.ndarray) -> float:
    before, after = _middle(then), _middle(now)
    return after / before if before > 0 else 0.0


def _range(values: np.ndarray, form: Callable[[float], str] = amount) -> str:
    """`3.8 to 7.2`, or one number where all networks have it."""
    ends = [form(float(v)) for v in (np.nanmin(values), np.nanmax(values))]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)
