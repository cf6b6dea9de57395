"""The picture of a gradient on its way back through a sentence: an arc from the verb to the subject, and a bar for every word."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from rnnkit.analysis.gradient_summary import has_gradient
from rnnkit.corpus.notes import count
from rnnkit.engine.history import median
from rnnkit.experiment import Experiment
from rnnkit.rounding import amount, significant

OPENING = ("The", "cat", ",", "which", "already", "ate")  # of the sentence: the first words of every sentence of the task
CLOSING = ", → was"  # the comma is the last word that is read, the verb its answer
OTHER = {"cat": "cats", "was": "were"}  # in the plural
N_FIRST, N_LAST = len(OPENING), 9  # words that are written, from the beginning and from the end; of those between only the number

STYLE = """<style>
:root { --arc: max(2.6rem, 3vw); --large: clamp(1.15rem, 0.5rem + 1.66vw, 3rem); --bars: max(4.4rem, 9vh); }
.wayback { display: grid; align-items: end; width: 100%; line-height: 1.15; --warm: light-dark(#b23a08, #f59058); }
.wayback > * { grid-row: var(--row); grid-column: var(--from) / span var(--span, 1); min-width: 0; }
.wayback .arc { height: var(--arc); margin: 0 1.2em 0 0.9em; border: solid var(--warm); border-width: 3px 3px 0;
  border-radius: 50% 50% 0 0 / 100% 100% 0 0; position: relative; font-size: var(--large); }
.wayback .arc::before { content: ""; position: absolute; left: -0.52rem; bottom: -0.5rem; border: solid transparent;
  border-width: 0.75rem 0.45rem 0; border-top-color: var(--warm); }
.wayback .arc span { position: absolute; inset: auto 0 0.35rem; text-align: center; font-size: clamp(1rem, 1.4vw, 1.9rem); }
.wayback :is(.arc span, .says) { color: var(--warm); font-weight: 600; }
.wayback .says { display: none; padding: 0.5rem 0 0; }
.wayback .word { padding: 0 0.2rem; align-self: start; text-align: center; white-space: nowrap; }
.wayback :is(.small, .between, .factor) { font-size: clamp(1rem, 0.95vw, 1.4rem); }
.wayback .large { font-size: var(--large); }
.wayback .word i { display: block; font-style: normal; opacity: 0.75; }
.wayback b { color: var(--warm); }
.wayback .between { padding: 0.1rem 0.4rem 0; align-self: start; text-align: center; overflow: hidden; white-space: nowrap; }
.wayback .bar { height: var(--bars); display: flex; align-items: end; border-bottom: 2px solid currentColor; padding: 0 1px; }
.wayback .bar::before { content: ""; width: 100%; max-width: 2.6rem; margin: 0 auto; height: calc(100% * var(--share));
  background: light-dark(#0b7a75, #35c0b2); transform-origin: bottom; animation: arrive 0.5s both calc(var(--back) * 70ms); }
.wayback .factor { text-align: center; white-space: nowrap; padding: 0.2rem 0.15rem 0; font-variant-numeric: tabular-nums; }
.wayback.product { font-size: 1.5rem; }
@keyframes arrive { from { transform: scaleY(0); } }
@media (max-width: 900px) {
  .wayback .large { padding: 0 0.1rem; }
  .wayback :is(.small, .factor, .between, .optional, .arc span) { display: none; }
  .wayback .bar { padding: 0; }
  .wayback .says { display: block; }
  .wayback .bar.last { min-width: 1.1rem; }
}
</style>"""


def sentence(e: Experiment, example: Sequence[str]) -> list[str]:
    """Returns the T words of "The cat, which already ate ..., was", with the filler of an example; of other tasks the example."""
    if e.task != Experiment().task:
        return list(example)
    return [*OPENING, *example[N_FIRST : e.length - 1], CLOSING]


def shares(state_grad: np.ndarray) -> np.ndarray:
    """Returns the median over networks of ||dL/ds_t|| / ||dL/ds_T||, (T,), of state_grad (T, R), one part of the state.

    Networks without a gradient at the last step are left out; NaN everywhere where none has one. At the source it is
    gradient_summary.gradient_ratio.
    """
    grad = state_grad.astype(np.float64)
    valid = has_gradient(state_grad[-1])
    with np.errstate(invalid="ignore", over="ignore"):
        return median(grad[:, valid] / grad[-1, valid]) if valid.any() else np.full(len(grad), np.nan)


def factors(share: np.ndarray) -> np.ndarray:
    """Returns what each word but the last multiplies the gradient by, share_t / share_{t+1}, (T - 1,). 0 after 0."""
    return np.divide(share[:-1], share[1:], out=np.zeros(len(share) - 1), where=share[1:] != 0)


def short(factor: float) -> str:
    """Formats a factor in two digits, as "× .55" or "× 1.3"."""
    return f"× {significant(factor, 2).removeprefix('0') if factor else '0'}"


def product(factor: float, words: int) -> str:
    """Returns the picture of a constant factor as HTML: factor^k for k = words .. 0, and the last of them in digits."""
    share = factor ** np.arange(words, -1.0, -1.0)
    one, left = significant(factor, 2).removeprefix("0").rstrip("0").rstrip("."), amount(float(share[0]))
    text = f"{' × '.join([one] * min(words, 3))}{' × …' * (words > 3)} = {left}"
    label = f"{one} times itself over {count(words, 'word')} is {left}"
    bars = [_cell(1, t, "bar", "", more=f"--share: {s / share.max():.4g}; --back: 0") for t, s in enumerate(share)]
    style = f"grid-template-columns: repeat({words + 1}, minmax(0, 1fr))"
    picture = f'<div class="wayback" role="img" aria-label="{label}" style="{style}">{"".join(bars)}</div>'
    return f'{STYLE}<div class="wayback product"><b>{text}</b></div>{picture}'


def picture(words: Sequence[str], source: int, share: np.ndarray | None, says: str) -> str:
    """Returns the picture as HTML. `share` (T,): what is left of the gradient at each word, None before it is measured."""
    T = len(words)
    written = {t for t in range(T) if t < N_FIRST or t >= T - N_LAST}
    between = [t for t in range(T) if t not in written]
    columns = " ".join("auto" if t in written else "minmax(0, 1fr)" for t in range(T))
    label = escape(f"The gradient on its way back through a sentence of {T} words: {says}.")
    parts = [f'<div class="wayback" role="img" aria-label="{label}" style="grid-template-columns: {columns} auto">']
    parts.append(_cell(1, source, "arc", f"<span>{escape(says)}</span>", T - source))
    parts += [_word(t, word) for t, word in enumerate(words) if t in written]
    parts.append(_cell(2, T, "word large", "full."))
    if between:
        parts.append(_cell(2, between[0], "between", f"… {len(between)} more words …", len(between)))
    parts += _bars(share, written, between) if share is not None else [_cell(3, 0, "bar", "", T), _cell(4, 0, "factor", "&nbsp;")]
    parts.append(_cell(5, 0, "says", escape(says), T + 1))
    return STYLE + "".join([*parts, "</div>"])


def _bars(share: np.ndarray, written: set[int], between: Sequence[int]) -> list[str]:
    T, factor, parts = len(share), factors(share), []
    for t, s in enumerate(share):
        classes = "bar last" if t >= T - N_LAST else "bar"
        parts.append(_cell(3, t, classes, "", more=f"--share: {min(1.0, s):.4g}; --back: {T - 1 - t}"))
    parts += [_cell(4, t, _optional("factor", t), short(factor[t])) for t in sorted(written - {T - 1})]
    if between:
        low, high = (short(f(factor[between[0] : between[-1] + 1])) for f in (np.min, np.max))
        text = low if low == high else f"{low} to {high.removeprefix('× ')}"
        parts.append(_cell(4, between[0], "factor", text, len(between)))
    return [*parts, _cell(4, T - 1, "factor", "1")]


def _word(t: int, word: str) -> str:
    large, (comma, _, name) = word in (*OPENING, CLOSING), word.rpartition(" → ")
    text = f"{comma} <b>{name}</b><i><b>{OTHER[name]}</b></i>" if name in OTHER else escape(word)
    return _cell(2, t, _optional(f"word {'large' if large else 'small'}", t), text)


def _optional(classes: str, t: int) -> str:
    return f"{classes} optional" if 4 <= t < N_FIRST else classes  # a phone has no room for them


def _cell(row: int, t: int, classes: str, text: str, span: int = 1, more: str = "") -> str:
    return f'<div class="{classes}" style="--row: {row}; --from: {t + 1}; --span: {span}; {more}">{text}</div>'
