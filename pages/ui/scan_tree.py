"""The parallel scan of a small network, drawn: the tree of its rounds, forward and back. On the page Steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from pages.ui import chart_view, layout
from rnnkit.analysis import scan
from rnnkit.analysis.ledger import Ledger
from rnnkit.charts.scan import scan_chart, scan_tables
from rnnkit.charts.style import GREY, INK, WARM
from rnnkit.rounding import amount


def section(book: Ledger, words: Sequence[str]) -> None:
    """Draws the rounds of the network of a ledger whose cell is linear in its state, and compares them with the loop."""
    if not scan.is_linear(book.cell):
        return
    step, part = scan.of_ledger(book), book.cell.parts[0]
    forward, back = scan.rounds(step.J, step.v), scan.backward_rounds(step.J, step.direct)
    n = len(forward) - 1
    st.markdown(f"#### The same in {n} rounds instead of {book.T} steps: the parallel scan")
    chart_view.legend(
        ("dot", INK, "done: the state itself"), ("dot", GREY, "not yet"), ("line", WARM, "what leads to the last word")
    )
    states = np.concatenate([book.values[name] for name in book.cell.parts], 1)
    gradients = np.concatenate([book.values[f"d{name}"] for name in book.cell.parts], 1)
    off, off_back = (_off(found[-1], loop) for found, loop in ((forward, states), (back, gradients)))
    text = f"Unit 1 of {part} after each of {n} rounds. Difference to the loop: {off} of the largest state."
    tables = scan_tables([values[:, 0] for values in forward], words)
    chart_view.draw(chart_view.spec(scan_chart, tuple(words), n), text, "steps_scan", tables)
    layout.caption(
        f"{text} Two linear steps are one linear step, so all words are joined at once, with a word 1, 2, 4, ... before. The way "
        f"back is the same scan from the right, with as many rounds; difference of the gradients: {off_back}. A cell whose gates "
        "see the state has no such tree: its step is not linear."
    )


def _off(found: np.ndarray, loop: np.ndarray) -> str:
    largest = np.abs(loop).max()
    return amount(float(np.abs(found - loop).max() / largest)) if largest > 0 else "0"
