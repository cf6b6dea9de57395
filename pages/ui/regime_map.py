"""The map of gradients that arrive, over all gains and lengths, with a cell that is looked at. On the page Vanishing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from pages.state import page_settings, session
from pages.ui import chart_view, layout
from rnnkit.analysis import theory
from rnnkit.analysis.describe import amount, smallest
from rnnkit.analysis.gradient_summary import ARRIVES, MARKS, fate
from rnnkit.charts import regimes as maps
from rnnkit.engine.cells import CELLS
from rnnkit.experiment import FIELDS, Experiment

Found = Mapping[str, Any]  # what studies.regimes found
TRAINING = ("optimizer", "lr", "batch", "steps", "replicas", "ridge")  # without effect on an untrained network


def regimes(e: Experiment) -> None:
    st.markdown("#### Where does it arrive? Every gain and length at once")
    most = session.limits().max_length
    lengths = [length for length in theory.LENGTHS if e.bound_task.min_length <= length <= most]
    if not lengths:
        st.info("The map begins with longer sequences than this server allows.", icon=":material/block:")
        return
    grid = replace(untrained(e), gain=1.0, length=lengths[0])  # one map, wherever on it we are
    layout.computed("regimes", grid, partial(_map, e, lengths), gains=list(theory.GAINS), lengths=lengths)


def _map(e: Experiment, lengths: list[int], parts: list[Found], done: bool) -> None:
    f, task, cell = parts[-1], e.bound_task, CELLS[e.cell]
    ratio, called = f["ratio"][-1], "spectral radius" if cell.reservoir else "gain"
    arrives, here = ARRIVES, ("this experiment", e.length, e.gain)
    left, right = st.columns([3, 1], gap="medium")
    _take_click(lengths)
    with right:
        picked = _choice(e, lengths, called)
        _picked(e, ratio, lengths, picked, called)
    tables = maps.regime_tables(theory.GAINS, lengths, ratio, arrives, _levels(e, f), here, picked)
    with left:
        spec = chart_view.spec(maps.regime_chart, theory.GAINS, tuple(lengths), called)
        text = maps.regime_text(theory.GAINS, lengths, ratio, arrives, called)  # with another text it is mounted anew
        text = text if done else f"Share of the gradient that arrives, by sequence length and {called}: being computed"
        chart_view.draw(spec, text, "vanishing_map", tables, on_select="rerun")
    told = [
        f"Colour: ‖dL/d{cell.parts[-1]}‖ at the {task.source_name} over that at the {task.end_name}, median of 8 untrained "
        "networks on 8 sequences; framed in white where it arrives, from 0.1 to 10.",
    ]
    if f["units"] < e.hidden:
        told.append(f"Computed with {f['units']} hidden units instead of {e.hidden}.")
    if cell.forget_gate is not None and e.bias == "chrono":
        told.append("The chrono biases are drawn anew for every length T.")
    st.caption(" ".join(told))


def _levels(e: Experiment, f: Found) -> dict[str, float]:
    """Gains at which theory changes its word; every initialization is a matrix times its gain."""
    gamma = theory.GAMMA.get(e.cell)
    if not gamma or not f["radius"]:
        return {}
    sure, typical = 1 / (gamma * f["singular"]), 1 / (gamma * f["radius"])
    if typical < 1.1 * sure:
        return {"γ λ₁ = γ ρ = 1: below, every step shortens it": sure}
    return {"γ λ₁ = 1: below, every step shortens it": sure, "γ ρ = 1": typical}


def _take_click(lengths: list[int]) -> None:
    """A cell that was clicked on becomes the sliders' choice, once: afterwards they may leave it."""
    cells = st.session_state.get("vanishing_map", {}).get("selection", {}).get("cell") or [{}]
    clicked = cells[0].get("length"), cells[0].get("gain")
    if clicked != st.session_state.get("vanishing_clicked") and clicked[0] in lengths and clicked[1] in theory.GAINS:
        page_settings.choose("vanishing_length", clicked[0])
        page_settings.choose("vanishing_gain", clicked[1])
    st.session_state.vanishing_clicked = clicked


def _choice(e: Experiment, lengths: list[int], called: str) -> tuple[int, float]:
    """The cell that is looked at: clicked on, or chosen with these sliders; at first the one next to the experiment."""
    near = min(lengths, key=lambda length: abs(np.log(length / e.length)))
    st.markdown("**Click a cell**, or choose one here. The dot is the experiment above.")
    length = page_settings.select_slider("Length T on the map", lengths, "vanishing_length", near)
    close = min(theory.GAINS, key=lambda gain: abs(np.log(gain / max(e.gain, theory.GAINS[0]))))  # a gain can be 0
    gain = page_settings.select_slider(
        f"{called.capitalize()} on the map", theory.GAINS, "vanishing_gain", close, format_func="{:g}".format
    )
    return length, gain


def _picked(e: Experiment, ratio: np.ndarray, lengths: list[int], cell: tuple[int, float], called: str) -> None:
    """This cell in words, and what can be done with it."""
    (length, gain), row = cell, lengths.index(cell[0])
    if row >= len(ratio):
        st.markdown(f"**T = {length}, {called} {gain:g}** is being computed.")
        return
    picked, left = replace(e, length=length, gain=gain), ratio[row, theory.GAINS.index(gain)]
    said = (
        "There is no gradient at the end, or not a finite one."
        if np.isnan(left)
        else f"{amount(left, smallest(ratio.dtype), MARKS)} of the gradient is left: {fate(left)}."
    )
    st.markdown(f"**T = {length}, {called} {gain:g}**  \n{said}")
    layout.open_in_lab("Open in the lab", picked, "vanishing_lab", width="stretch")
    refused = session.refusal(picked)
    look: dict[str, Any] = {
        "icon": ":material/vertical_align_top:",
        "width": "stretch",
        "disabled": bool(refused),
        "help": refused or None,
    }
    if st.button("Show it above", key="vanishing_here", on_click=session.open_run, args=(picked, False), **look):
        st.rerun()


def untrained(e: Experiment) -> Experiment:
    """The same network without what only training uses: all who look at it share one answer."""
    untrained: dict[str, Any] = {name: FIELDS[name].default for name in TRAINING}
    return replace(e, fixes=(), **untrained)
