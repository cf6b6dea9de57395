"""Sentences about the gradient through time of a run: how much of it is left, and why, as far as the records show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import GradientFix, StartableFix, UpdateFix
from rnnkit.engine.history import History, median
from rnnkit.engine.optim import OPTIMIZERS
from rnnkit.engine.record import ABSENT
from rnnkit.experiment import Experiment
from rnnkit.rounding import amount, percent, smallest

ARRIVES = (0.1, 10.0)  # ratios of gradient norms, source over last step, of "it arrives"
VANISHED, LARGE = 1e-3, 1e3  # below: "it vanished"; above: "it grew large"
PHRASE_BOUNDS = (VANISHED, ARRIVES[0], 1.0, ARRIVES[1], LARGE)  # no other ratio is rounded to one of these
PHRASES = ("vanished", "fades", "arrives", "grew", "grew large")  # "it ...", in the order of the ratios
MIN_SATURATED = 0.1  # share of saturated states that counts as a cause
MIN_OFF = 0.5  # share of ReLUs that are off that counts as a cause; some always are
MIN_GROWTH = 1.5  # factor by which a spectral radius or a loss has grown that counts as a cause
MIN_GATE = 0.9  # mean of the memory's gate; below, it counts as a cause
MIN_SHIFT = 0.3  # norm by which training may have moved the weights; below, it cannot be the cause
N_RECENT = 5  # records over which a loss counts as high, so that no single batch decides


# ---- the ratio, and the phrases for it ----


def gradient_ratio(state_grad: np.ndarray, e: Experiment, part: int = 0) -> float:
    """Returns ||dL/ds|| at the source, the step that decides the answer, over ||dL/ds|| at the last step. state_grad: (P, T, R).

    It is the median over the networks that have a gradient at the last step. NaN counts as the largest value, so the result is
    NaN where half of them are NaN. It is NaN, too, where no network has a gradient.
    """
    ratios = gradient_ratios(state_grad, e, part)
    return float(median(ratios[None])[0]) if len(ratios) else float("nan")


def gradient_ratios(state_grad: np.ndarray, e: Experiment, part: int = 0) -> np.ndarray:
    """Returns the ratio of each network that has a gradient at the last step, (at most R,); see gradient_ratio."""
    grad = state_grad[part].astype(np.float64)
    source, last = grad[e.bound_task.evidence_step(e.length)], grad[-1]
    valid = has_gradient(state_grad[part, -1]) & (source != ABSENT)
    with np.errstate(invalid="ignore", over="ignore"):
        return source[valid] / last[valid]


def has_gradient(last: np.ndarray) -> np.ndarray:
    """Whether a norm at the last step is at least 1,000 times the smallest normal number."""
    return ~(last < np.finfo(last.dtype).tiny / VANISHED)  # True for NaN


def ratio_phrase(ratio: float) -> str:
    """Returns the phrase for a gradient of which this ratio is left.

    | ratio  | < 1e-3      | < 0.1    | 0.1 to 10  | to 1e3   | > 1e3         | NaN or inf  |
    | :----- | :---------- | :------- | :--------- | :------- | :------------ | :---------- |
    | it ... | it vanished | it fades | it arrives | it grew  | it grew large | it exploded |

    Verdicts, stories, remedies and pages all use these phrases.
    """
    if not np.isfinite(ratio):
        return "it exploded"
    return f"it {PHRASES[sum((ratio >= VANISHED, ratio >= ARRIVES[0], ratio > ARRIVES[1], ratio > LARGE))]}"


def per_step(ratio: float, steps: int) -> float:
    """Returns ratio^(1 / steps), the mean factor per time step; 1 for steps = 0."""
    return float(ratio ** (1 / steps)) if steps else 1.0


def is_cut(e: Experiment) -> bool:
    """Whether truncation cuts the path from the last step back to the source."""
    return e.bound_task.evidence_step(e.length) < e.first_uncut


def ratio_text(ratio: float, e: Experiment, dtype: np.typing.DTypeLike) -> str:
    """Returns a gradient_ratio in a few characters. 0 is "exactly 0 (cut)" under truncation, else below the range of `dtype`."""
    return amount(ratio, "exactly 0 (cut)" if is_cut(e) else smallest(dtype), PHRASE_BOUNDS)


def remaining_text(h: History, row: int, part: int = 0, network: int | None = None) -> str:
    """Returns the text of the gradient_ratio of all networks or of one; "none" without a gradient at the last step."""
    grad = h.state_grad[row] if network is None else h.state_grad[row][..., network : network + 1]
    n_ratios = len(gradient_ratios(grad, h.e, part))
    return ratio_text(gradient_ratio(grad, h.e, part), h.e, grad.dtype) if n_ratios else "none"


def comparison(ratio: float, of: str, dtype: np.typing.DTypeLike) -> str:
    """Returns `0.2 of its size` or `178 times its size`, where `of` is "its size"; `below 1e-38` or `beyond float32` alone."""
    if ratio == 0 or not np.isfinite(ratio):
        return smallest(dtype) if ratio == 0 else f"beyond {np.dtype(dtype)}"
    text = amount(ratio, apart=PHRASE_BOUNDS)
    return f"{text} {'of' if float(text.replace(',', '')) < 1 else 'times'} {of}"


# ---- the sentences ----


def gradient_sentence(h: History, row: int) -> str:
    """Returns the sentence on how much of the last loss's gradient is left at the source, at a row of the History.

    Of a state of more than two parts it speaks of h and of the cell's memory.
    """
    e, task = h.e, h.e.bound_task
    some = [len(gradient_ratios(h.state_grad[row], e, part)) > 0 for part in range(len(h.parts))]
    ratios = [gradient_ratio(h.state_grad[row], e, part) for part in range(len(h.parts))]
    of = " of the last loss" if e.several_losses else ""
    if 0 in ratios and is_cut(e):
        cut = e.length - e.first_uncut
        return (
            f"At the {task.evidence_name} the gradient{of} is exactly 0: truncation cut its path after "
            f"{cut} step{'s' * (cut > 1)}."
        )
    if not any(some):
        if has_gradient(h.state_grad[row, :, -1]).any():
            if (h.state_grad[row, 0, task.evidence_step(e.length)] == ABSENT).all():
                return f"No {task.samples.removesuffix('s')} of this batch is so long that it has a {task.evidence_name}."
            return f"No network has both a {task.evidence_name} in its batch and a gradient at the {task.end_name}."
        certain = " The loss is 0: every answer is given with certainty." if not h.loss[row].any() else ""
        return f"At the {task.end_name} there is no gradient to send back.{certain}"
    if len(h.parts) > 1:
        spoken_of = h.parts if len(h.parts) == 2 else (h.parts[0], CELLS[e.cell].memory_name)  # two fill the line
        sentences = [_part(h, *each) for each in zip(h.parts, ratios, some, strict=True) if each[0] in spoken_of]
        which = of and ", of the last loss alone"
        return f"From the {task.end_name} back to the {task.evidence_name}{which}: {', '.join(sentences)}."
    (ratio,) = ratios
    if ratio == 0:
        return f"At the {task.evidence_name} the gradient{of} is {_zero_gradient(h, row)}."
    size = comparison(ratio, f"what it is at the {task.end_name}", h.state_grad.dtype)
    return f"At the {task.evidence_name} the gradient{of} is {size}{_factor(e, ratio)}: {ratio_phrase(ratio)}."


def _part(h: History, name: str, ratio: float, some: bool) -> str:
    if not some:
        return f"dL/d{name} has no gradient at the {h.e.bound_task.end_name}"
    return f"dL/d{name} is {comparison(ratio, 'its size', h.state_grad.dtype)}{_factor(h.e, ratio)} ({ratio_phrase(ratio)})"


def _factor(e: Experiment, ratio: float) -> str:
    """Returns the mean factor per time step in words, where the gradient shrinks or grows over two steps or more; else ""."""
    steps = e.length - 1 - e.bound_task.evidence_step(e.length)
    if steps < 2 or ratio == 0 or ratio_phrase(ratio) in ("it arrives", "it exploded"):
        return ""
    return f", a factor of {amount(per_step(ratio, steps), apart=PHRASE_BOUNDS, more=1)} a time step"


def _zero_gradient(h: History, row: int) -> str:
    """Returns why the gradient of most networks is 0 at the source: exactly, or below the smallest number."""
    e = h.e
    zero = h.state_grad[row, 0, e.bound_task.evidence_step(e.length)] == 0
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
    if not CELLS[e.cell].has_slope or _passes_w_rec(e):  # slopes and gates may have been rounded to 0: not recorded
        return f"0 in {h.state_grad.dtype}: it vanished"
    return f"{smallest(h.state_grad.dtype)}: it vanished"


def _has_no_recurrence(e: Experiment, row: int) -> bool:
    """Whether W_rec is the only path through time and is 0: drawn with gain 0, and not trained since."""
    cell = CELLS[e.cell]
    frozen = cell.reservoir or any(fix.holds("W_rec") and not fix.start_step for fix in e.fixes if isinstance(fix, GradientFix))
    other_path = not cell.has_slope or cell.builds_matrix or _passes_w_rec(e)
    return e.gain == 0 and not other_path and (row == 0 or frozen)


def _passes_w_rec(e: Experiment) -> bool:
    """Whether the state of a leaky cell is carried past W_rec as well."""
    return CELLS[e.cell].has_direct_path and e.leak < 1


# ---- the cause ----


@dataclass(frozen=True)
class _RowState:
    """Measurements at one row of the History, (R,) each; NaN where there is none."""

    ratio: float  # gradient_ratio of the part of the state that remembers (c of an LSTM)
    flat: np.ndarray
    gate: np.ndarray
    loss: np.ndarray
    radius: np.ndarray
    radius_step: int  # training step at which the radius was measured


def _row_state(h: History, row: int) -> _RowState:
    measured = np.flatnonzero(~np.isnan(h.radius[: row + 1]).all(1))
    at = int(measured[-1]) if len(measured) else row
    ratio = gradient_ratio(h.state_grad[row], h.e, CELLS[h.e.cell].memory)
    return _RowState(ratio, h.flat[row], h.gate[row], h.loss[row], h.radius[at], int(h.steps[at]))


def cause(h: History, row: int) -> str:
    """Returns sentences on the causes that the records show: spread over networks, values before training, flat units, loss.

    They follow gradient_sentence. "" where there is none.
    """
    start, now = _row_state(h, 0), _row_state(h, row)
    facts = _facts(h, row, start, now)
    sentences = [*_spread(h, row), *_before(h, start, now)]
    high = loss_is_high(h, row)
    thrown = high or (_changed(start, now) and bool(facts) and _units_changed(start, now) and not _learnt_something(h, row))
    shift_text = f": {_shift_cause(h.e)} threw the weights" if thrown and _max_weight_shift(h, row) >= MIN_SHIFT else ""
    if facts:
        text = f"{'besides, ' if _cut_off(h.e, now) else ''}{' and '.join(facts)}"
        sentences.append(f"{text[0].upper()}{text[1:]}{'' if high else shift_text}.")
    if high:
        sentences.append(f"The loss is {_range(now.loss)}, a guesser has {amount(h.e.guess_loss)}{shift_text}.")
    return " ".join([*sentences, *_clipping(h, row, now)])


def _before(h: History, start: _RowState, now: _RowState) -> list[str]:
    """Returns the sentence on the ratio before training, where it was another one."""
    if not _changed(start, now):
        return []
    dtype = h.state_grad.dtype
    if len(h.parts) == 1:
        return [f"At training step 0 it was {ratio_text(start.ratio, h.e, dtype)}."]
    return [f"At training step 0 dL/d{CELLS[h.e.cell].memory_name} was {comparison(start.ratio, 'its size', dtype)}."]


def _cut_off(e: Experiment, now: _RowState) -> bool:
    """Whether truncation alone is the cause."""
    return is_cut(e) and now.ratio == 0


def loss_is_high(h: History, row: int) -> bool:
    """Whether the median loss is above MIN_GROWTH times a guesser's and the first one, now and over N_RECENT records."""
    recent = median(h.loss[max(0, row - N_RECENT + 1) : row + 1])
    level = MIN_GROWTH * max(h.e.guess_loss, float(median(h.loss[:1])[0]))
    return bool(row and np.median(recent) > level and recent[-1] > level)


def _changed(start: _RowState, now: _RowState) -> bool:
    """Whether the ratio has another phrase than before training, and differs by a factor of 10 or more."""
    if not np.isfinite([start.ratio, now.ratio]).all() or ratio_phrase(start.ratio) == ratio_phrase(now.ratio):
        return False
    low, high = sorted((start.ratio, now.ratio))
    return high >= 10 * low


def _units_changed(start: _RowState, now: _RowState) -> bool:
    """Whether training has made many units flat, or the spectral radius of W_rec large."""
    return _rise(start.flat, now.flat) >= 2 * MIN_SATURATED or _factor_of(start.radius, now.radius) >= MIN_GROWTH


def _learnt_something(h: History, row: int) -> bool:
    return bool(median(h.loss[max(0, row - N_RECENT + 1) : row + 1]).min() < 0.9 * h.e.guess_loss)


def _max_weight_shift(h: History, row: int) -> float:
    """Returns an upper bound on the norm of all steps of the optimizer in any network, from the recorded norms.

    It is 0 where lr is 0 or all weights are frozen. A loss can be high even so, by its batch or by a state that is carried over.
    A schedule makes the steps shorter. What an UpdateFix adds to them is left out.
    """
    e, rule, cell = h.e, OPTIMIZERS[h.e.optimizer], CELLS[h.e.cell]
    if cell.reservoir or not h.norm_applied[: row + 1].any():
        return 0.0
    width, biases = cell.gates * e.hidden, 1 + cell.recurrent_bias
    n = (e.bound_task.n_in + e.hidden * cell.n_products + biases) * width + (e.hidden + 1) * e.bound_task.n_out
    n += len(cell.own_weights) * e.hidden
    longest = n**0.5 if rule.adaptive else float(np.nanmax(h.norm_applied[: row + 1], initial=0))
    return float(h.steps[row]) * e.lr * rule.longest * longest


def _shift_cause(e: Experiment) -> str:
    return "training" if any(fix.moves_weights for fix in e.fixes) else "the learning rate"


def _facts(h: History, row: int, start: _RowState, now: _RowState) -> list[str]:
    """Returns what makes the gradient vanish or grow; under truncation, only what training has changed."""
    lost, grown = now.ratio < ARRIVES[0], now.ratio > ARRIVES[1]
    facts = _flat_units(h, row, start, now) if lost else []
    if lost and not _cut_off(h.e, now) and _median(now.gate) < MIN_GATE:
        facts.append(f"the gate that keeps the memory keeps {_range(now.gate)} of it a time step")
    stopped = grown or _is_blocked(h, now)  # a large radius shrinks gradients only where it makes units flat
    risen = row > 0 and (lost or grown) and _factor_of(start.radius, now.radius) >= MIN_GROWTH
    cell = CELLS[h.e.cell]
    if cell.has_slope and stopped and (risen or grown) and _median(now.radius) > 1.05:
        when = f" at training step {now.radius_step}" if now.radius_step != h.steps[row] else ""
        before = f" ({_range(start.radius)} at training step 0)" if risen else ""
        facts.append(f"the spectral radius of {'M' if cell.builds_matrix else 'W_rec'} is {_range(now.radius)}{when}{before}")
    return facts


def _flat_units(h: History, row: int, start: _RowState, now: _RowState) -> list[str]:
    """Returns the share of flat units in words, unless gradient_sentence has said so."""
    flat, off, cut = _median(now.flat), CELLS[h.e.cell].flat == "off", _cut_off(h.e, now)
    changed = row > 0 and abs(_rise(start.flat, now.flat)) >= MIN_SATURATED
    known = off and flat == 1 and now.ratio == 0 and not cut
    if not _is_blocked(h, now) or known or (cut and not changed):
        return []
    before = f" ({percent(_median(start.flat))} at training step 0)" if changed else ""
    return [f"{_range(now.flat, percent)} of the {'units are off' if off else 'states are saturated'}{before}"]


def _is_blocked(h: History, now: _RowState) -> bool:
    """Whether the share of flat units is large enough to be a cause."""
    return _median(now.flat) >= (MIN_OFF if CELLS[h.e.cell].flat == "off" else MIN_SATURATED)


def _clipping(h: History, row: int, now: _RowState) -> list[str]:
    """Returns the sentence on a gradient that grew and was clipped to less than half."""
    raw, applied = (float(median(norms[row : row + 1])[0]) for norms in (h.norm_raw, h.norm_applied))
    changing = [fix for fix in h.e.fixes if isinstance(fix, StartableFix) and not isinstance(fix, UpdateFix)]
    active = [fix for fix in changing if fix.start_step <= h.steps[row]]
    clips = [fix for fix in active if fix.name.startswith("clip")]
    if not clips or not now.ratio > ARRIVES[1] or not raw > 2 * applied:
        return []
    leave = "clipping leaves" if len(clips) == len(active) else "the remedies leave"  # frozen weights drop out of the norm
    return [f"The weights' gradient has the norm {amount(raw)}, {leave} {amount(applied)}."]


def _spread(h: History, row: int) -> list[str]:
    """Returns sentences on networks that differ from the median, or have no gradient."""
    cell, R, sentences = CELLS[h.e.cell], h.e.replicas, []
    ratios = np.sort(gradient_ratios(h.state_grad[row], h.e, cell.memory))  # NaN comes last
    if len({ratio_phrase(ratio) for ratio in ratios}) > 1:
        low, high = (ratio_text(float(ratio), h.e, h.state_grad.dtype) for ratio in ratios[[0, -1]])
        of = f" of dL/d{cell.memory_name}" if len(h.parts) > 1 else ""
        sentences.append(f"That is the median{of}: the networks have from {low} to {high}.")
    without = int((~has_gradient(h.state_grad[row, cell.memory, -1])).sum())
    if 0 < without < R:
        has = "has" if without == 1 else "have"
        what = f"dL/d{cell.memory_name}" if len(h.parts) > 1 else "gradient"
        sentences.append(f"{without} of {R} networks {has} no {what} at the {h.e.bound_task.end_name}.")
    return sentences


def _median(values: np.ndarray) -> float:
    return float(median(values[None])[0])


def _rise(start: np.ndarray, now: np.ndarray) -> float:
    """Returns the difference of the medians; 0 where one is NaN."""
    rise = _median(now) - _median(start)
    return 0.0 if np.isnan(rise) else rise


def _factor_of(start: np.ndarray, now: np.ndarray) -> float:
    before, after = _median(start), _median(now)
    return after / before if before > 0 else 0.0


def _range(values: np.ndarray, form: Callable[[float], str] = amount) -> str:
    """Returns `3.8 to 7.2`, or one number where all networks have the same."""
    ends = [form(float(v)) for v in (np.nanmin(values), np.nanmax(values))]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)
