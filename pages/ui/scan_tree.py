"""The parallel scan of a small network, drawn: the tree of its rounds, forward and back. On the page Steps."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import streamlit as st

from pages.ui import layout
from rnnkit.analysis import scan
from rnnkit.analysis.ledger import Ledger
from rnnkit.rounding import amount, compact

WIDE, HIGH, TOP = 92, 74, 34  # of a column and a row, and above the first row
STYLE = """<style>
.scan { overflow-x: auto; }
.scan svg { min-width: 42rem; width: 100%; max-width: 78rem; height: auto; font-variant-numeric: tabular-nums; }
.scan text { font-size: 15px; text-anchor: middle; fill: currentColor; }
.scan line { stroke: currentColor; opacity: 0.28; stroke-width: 1.5; }
.scan line.path { stroke: light-dark(#b23a08, #f59058); opacity: 1; stroke-width: 2.5; }
.scan rect { fill: light-dark(#fff, #0e1117); stroke: currentColor; stroke-opacity: 0.4; }
.scan rect.done { stroke: light-dark(#0b7a75, #35c0b2); stroke-opacity: 1; stroke-width: 2.5; }
</style>"""


def section(book: Ledger, words: Sequence[str]) -> None:
    """Draws the rounds of the network of a ledger whose cell is linear in its state, and compares them with the loop."""
    if not scan.is_linear(book.cell):
        return
    step, part = scan.of_ledger(book), book.cell.parts[0]
    forward, back = scan.rounds(step.J, step.v), scan.backward_rounds(step.J, step.direct)
    n = len(forward) - 1
    st.markdown(f"#### The same in {n} rounds instead of {book.T} steps: the parallel scan")
    text = (
        f"Two linear steps are one linear step, so all words can be joined at once. Unit 1 of {part}, after each of {n} rounds; "
        "the orange lines lead to the last word."
    )
    st.html(f'{STYLE}<div class="scan">{_svg([values[:, 0] for values in forward], words, text)}</div>')
    states = np.concatenate([book.values[name] for name in book.cell.parts], 1)
    gradients = np.concatenate([book.values[f"d{name}"] for name in book.cell.parts], 1)
    off = [_off(found[-1], loop) for found, loop in ((forward, states), (back, gradients))]
    layout.caption(
        f"{text} Framed green: done, the state itself. Difference to the loop: {off[0]} of the largest state. The way back is "
        f"the same scan from the right, with the same {n} rounds; difference of the gradients: {off[1]}. A cell whose gates see "
        "the state has no such tree: its step is not linear."
    )


def _off(found: np.ndarray, loop: np.ndarray) -> str:
    largest = np.abs(loop).max()
    return amount(float(np.abs(found - loop).max() / largest)) if largest > 0 else "0"


def _svg(rows: Sequence[np.ndarray], words: Sequence[str], text: str) -> str:
    T, pairs = len(words), scan.partners(len(words))
    lines, boxes = [], []
    on_path = {T - 1}
    for k in reversed(range(len(pairs))):
        joined = {late: early for early, late in pairs[k]}
        for t in range(T):
            for source in (t, joined.get(t)):
                if source is not None:
                    path = ' class="path"' if t in on_path else ""
                    y = TOP + k * HIGH
                    lines.append(f'<line x1="{_x(source)}" y1="{y + 30}" x2="{_x(t)}" y2="{y + HIGH}"{path}/>')
        on_path = on_path | {joined[t] for t in on_path if t in joined}
    for k, values in enumerate(rows):
        for t, value in enumerate(values):
            done = ' class="done"' if t < 2**k else ""
            y = TOP + k * HIGH
            boxes.append(f'<rect x="{_x(t) - 34}" y="{y}" width="68" height="30" rx="6"{done}/>')
            boxes.append(f'<text x="{_x(t)}" y="{y + 20}">{compact(float(value))}</text>')
    heads = [f'<text x="{_x(t)}" y="20">{escape(word)}</text>' for t, word in enumerate(words)]
    size = f"0 0 {WIDE * T} {TOP + HIGH * len(rows) - 36}"
    return f'<svg viewBox="{size}" role="img" aria-label="{escape(text)}">{"".join([*lines, *boxes, *heads])}</svg>'


def _x(t: int) -> float:
    return WIDE * (t + 0.5)
