"""Check it yourself: one weight of the ledger is nudged, and two losses confirm its derivative. On the page Steps."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from pages.state import page_settings, view_options
from pages.ui import layout
from rnnkit.analysis.ledger import Ledger
from rnnkit.analysis.nudge import Nudge, nudge
from rnnkit.engine.cells import CELLS
from rnnkit.experiment import Experiment
from rnnkit.export.spreadsheet import spreadsheet
from rnnkit.rounding import significant

EPSILONS = (0.1, 0.01, 0.001, 1e-4, 1e-6, 1e-9, 1e-12)
NAMES = tuple(
    dict.fromkeys(
        [
            "W_rec",
            *(cell.second_matrix for cell in CELLS.values() if cell.second_product),
            *("W_in", "W_out", "b", "b_rec", "b_out"),
            *(name for cell in CELLS.values() for name in cell.own_weights),
        ]
    )
)
LINKED = {
    "steps_weight": page_settings.Choice(NAMES),
    "steps_from": page_settings.Number(0, 99),
    "steps_to": page_settings.Number(0, 99),
    "steps_epsilon": page_settings.Choice(EPSILONS),
}
DIGITS = 10  # of a loss
STYLE = """<style>
.nudged { display: flex; flex-wrap: wrap; gap: 0.4rem 2.2rem; font-variant-numeric: tabular-nums; }
.nudged b { display: block; font-size: 1.35rem; font-weight: 600; }
</style>"""
SMALL = 1e-8  # derivative, below which a difference of losses is mostly rounding
QUOTIENT = "(L(w + ε) − L(w − ε)) / 2ε"
AGREE = 4  # significant digits from which on the two count as the same
MIME = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def check(e: Experiment, x: np.ndarray, y: int, cut: int, p: dict[str, np.ndarray], words: list[str], answers: list[str]) -> None:
    """Draws the choice of a weight and of epsilon, what the loss does, and the ledger as a spreadsheet.

    The network is that of e with the weights p; it reads the symbols x, `words`, and its right answer is y.
    """
    st.markdown("#### Check it yourself: nudge one weight, and see the loss change")
    with st.container(key="steps_nudge"):
        name, at, title, epsilon = _choice(x, p, words, answers, e)
        found = nudge(e.cell, p, x, y, e.loss, name, at, epsilon, cut)
        _numbers(title, found)
        _verdict(found, cut)
    make = partial(_file, e.cell, p, x, y, e.loss, cut, words)
    options: dict[str, Any] = {"icon": ":material/table:", "on_click": "ignore", "key": "steps_xlsx", "mime": MIME}
    if not view_options.hidden("downloads"):
        st.download_button("This table as a spreadsheet with live formulas", make, "rnnkit-ledger.xlsx", **options)
    layout.caption(
        "A derivative says by how much the loss changes for each unit by which a weight changes. Both losses are computed "
        "forward only, without any gradient. A smaller ε agrees better, as its error is of the order ε²; from about 1e-6 down "
        "rounding takes over. In the spreadsheet, change any weight, and every number is computed again."
    )


def _file(cell: str, p: dict[str, np.ndarray], x: np.ndarray, y: int, loss: str, cut: int, words: list[str]) -> bytes:
    return spreadsheet(Ledger(cell, p, x, y, loss, cut), words)


def _choice(
    x: np.ndarray, p: dict[str, np.ndarray], words: list[str], answers: list[str], e: Experiment
) -> tuple[str, tuple[int, int], str, float]:
    """Returns the weight's name, its place, its title, and epsilon."""
    columns = st.columns(4, gap="small")
    with columns[0]:
        names = [n for n in NAMES if n in p]
        name = page_settings.selectbox("Weight", names, "steps_weight", names[0])
    units = [f"unit {i + 1}" for i in range(e.hidden)]
    to = answers if name.endswith("out") else units if name in CELLS[e.cell].own_weights else _gates(e)
    first = units
    if len(p[name]) == 1:
        first = ["bias" if name.startswith("b") else "every step"]
    symbols = list(dict.fromkeys(int(symbol) for symbol in x))
    if name == "W_in":
        first = [words[int(np.flatnonzero(x == symbol)[0])] for symbol in symbols]
    with columns[1]:
        i = page_settings.selectbox("From", range(len(first)), "steps_from", 0, format_func=first.__getitem__)
    with columns[2]:
        j = page_settings.selectbox("To", range(len(to)), "steps_to", 0, format_func=to.__getitem__)
    with columns[3]:
        epsilon = page_settings.selectbox("Nudge by ε", EPSILONS, "steps_epsilon", 0.001, format_func="{:g}".format)
    return name, (symbols[i] if name == "W_in" else i, j), f"{name}, {first[i]} → {to[j]}", epsilon


def _gates(e: Experiment) -> list[str]:
    """Returns the names of the columns of W_rec and W_in: units, of gated cells for each gate."""
    names = CELLS[e.cell].columns
    return [f"unit {i + 1}" + (f" ({name})" if len(names) > 1 else "") for name in names for i in range(e.hidden)]


def _numbers(title: str, found: Nudge) -> None:
    """Draws the losses and the two derivatives side by side."""
    losses = [f"{loss:.{DIGITS}f}" for loss in (found.loss, found.up, found.down)]
    slopes = [significant(slope, 7).replace("-", "−", 1) for slope in (found.quotient, found.derivative)]
    st.markdown(f"w = **{title}** = {significant(found.weight, 4)}, nudged by ε = {found.epsilon:g} up and down")
    heads = ("L(w)", "L(w + ε)", "L(w − ε)", QUOTIENT, "dL/dw of the table")
    cells = (f"<div>{head}<b>{text}</b></div>" for head, text in zip(heads, [*losses, *slopes], strict=True))
    st.html(f"{STYLE}<div class='nudged'>{''.join(cells)}</div>")


def _verdict(found: Nudge, cut: int) -> None:
    if found.derivative == found.quotient == 0:
        st.info(f"{QUOTIENT} = 0, and so is dL/dw: this weight does not act on this sentence's loss.", icon=":material/check:")
    elif max(abs(found.derivative), abs(found.quotient)) < SMALL:
        st.info(f"Both are below {SMALL:g}: in double precision the losses cannot tell more of it.", icon=":material/check:")
    elif found.digits >= AGREE:
        st.success(
            f"**Confirmed:** {QUOTIENT} is the table's dL/dw to {found.digits} significant digits.", icon=":material/check:"
        )
    elif cut:
        st.warning(
            f"**They differ:** truncation after {cut} step{'s' * (cut > 1)} leaves out of dL/dw what goes back further, the loss "
            "does not.",
            icon=":material/content_cut:",
        )
    else:
        why = "ε is too small: the two losses differ only in their last digits" if found.epsilon < 1e-6 else "ε is large"
        st.warning(f"They agree to {found.digits} significant digits: {why}. Take another ε.", icon=":material/straighten:")
