"""The map of the gradient that arrives, by gain and sequence length, and the details of one cell. On the page Vanishing."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from pages.state import page_settings, session, viewer_state, widgets
from pages.ui import chart_view, layout, study_view
from rnnkit.analysis import theory
from rnnkit.analysis.gradient_summary import ARRIVES, PHRASE_BOUNDS, ratio_phrase
from rnnkit.charts import regimes as maps
from rnnkit.engine.cells import CELLS
from rnnkit.experiment import FIELDS, Experiment
from rnnkit.results.regime_map import RegimeMap
from rnnkit.rounding import amount, smallest

# without effect on an untrained network
TRAINING = ("optimizer", "lr", "schedule", "warmup", "batch", "steps", "replicas", "ridge")


def regimes(e: Experiment) -> None:
    """Draws the map for this Experiment at all gains and lengths."""
    if not CELLS[e.cell].recurrent:
        return
    st.markdown("#### Where does it arrive? Every gain and length at once")
    if e.weights:
        st.info("The map is of drawn weights. These come from a file.", icon=":material/upload_file:")
        return
    max_length = session.limits().max_length
    lengths = [length for length in theory.LENGTHS if e.bound_task.min_length <= length <= max_length]
    if not lengths:
        st.info("The map begins with longer sequences than this server allows.", icon=":material/block:")
        return
    grid = replace(untrained(e), gain=1.0, length=lengths[0])  # the same map for every gain and length of e
    with layout.reserved("vanishing_regimes", 618, 1094):
        study_view.computed("regime_map", grid, partial(_map, e, lengths), gains=list(theory.GAINS), lengths=lengths)


def _map(e: Experiment, lengths: list[int], parts: list[RegimeMap], done: bool) -> None:
    f, task, cell = parts[-1], e.bound_task, CELLS[e.cell]
    ratio, called = f.ratio[cell.memory], "spectral radius" if cell.reservoir else "gain"
    arrives, here = ARRIVES, ("this experiment", e.length, e.gain)
    left, right = st.columns([3, 1], gap="medium")
    _take_click(lengths)
    with right:
        picked = _choice(e, lengths, called)
        _picked(e, ratio, lengths, picked, called)
    tables = maps.regime_tables(theory.GAINS, lengths, ratio, arrives, _levels(e, f) | (_edge(f) if done else {}), here, picked)
    with left:
        spec = chart_view.spec(maps.regime_chart, theory.GAINS, tuple(lengths), called)
        text = maps.regime_text(theory.GAINS, lengths, ratio, arrives, called)  # with a new text the browser mounts it again
        text = text if done else f"Share of the gradient that arrives, by sequence length and {called}: being computed"
        chart_view.draw(spec, text, "vanishing_map", tables, on_select="rerun")
    sentences = [
        f"Colour: ‖dL/d{cell.memory_name}‖ at the {task.evidence_name} over that at the {task.end_name}, median of 8 untrained "
        "networks on 8 sequences; framed in white where it arrives, from 0.1 to 10.",
    ]
    if f.units < e.hidden:
        sentences.append(f"Computed with {f.units} hidden units instead of {e.hidden}.")
    if cell.forget_gate is not None and e.bias == "chrono":
        sentences.append("The chrono biases are drawn anew for every length T.")
    layout.caption(" ".join(sentences))


def _levels(e: Experiment, f: RegimeMap) -> dict[str, float]:
    """Returns text -> gain of the theory's bounds. Every initialization is a matrix times its gain."""
    gamma = theory.GAMMA.get(e.cell)
    if not gamma or not f.radius or not f.singular:
        return {}
    sure, typical = 1 / (gamma * f.singular), 1 / (gamma * f.radius)
    if typical < 1.1 * sure:
        return {"γ λ₁ = γ ρ = 1: below, every step shortens it": sure}
    return {"γ λ₁ = 1: below, every step shortens it": sure, "γ ρ = 1": typical}


def _edge(f: RegimeMap) -> dict[str, float]:
    """Returns text -> gain of the edge of chaos, by the longest sequences."""
    gain = maps.edge_of_chaos(theory.GAINS, f.ratio[-1, -1])
    return {} if gain is None else {f"edge of chaos over {f.lengths[-1]} steps: above, it grows": gain}


def _take_click(lengths: list[int]) -> None:
    """Sets the sliders to a newly clicked cell. They can be moved from it afterwards."""
    cells = widgets.value("vanishing_map", {}).get("selection", {}).get("cell") or [{}]
    clicked, state = (cells[0].get("length"), cells[0].get("gain")), viewer_state.current()
    if clicked != state.map_cell and clicked[0] in lengths and clicked[1] in theory.GAINS:
        page_settings.choose("vanishing_length", clicked[0])
        page_settings.choose("vanishing_gain", clicked[1])
    state.map_cell = clicked


def _choice(e: Experiment, lengths: list[int], called: str) -> tuple[int, float]:
    """Returns the chosen cell, by a click or with these sliders. At first it is the one nearest to the experiment."""
    near = min(lengths, key=lambda length: abs(np.log(length / e.length)))
    st.markdown("**Click a cell**, or choose one here. The dot is the experiment above.")
    length = page_settings.select_slider("Length T on the map", lengths, "vanishing_length", near)
    close = min(theory.GAINS, key=lambda gain: abs(np.log(gain / max(e.gain, theory.GAINS[0]))))  # a gain can be 0
    gain = page_settings.select_slider(
        f"{called.capitalize()} on the map", theory.GAINS, "vanishing_gain", close, format_func="{:g}".format
    )
    return length, gain


def _picked(e: Experiment, ratio: np.ndarray, lengths: list[int], cell: tuple[int, float], called: str) -> None:
    """Draws the cell's numbers in words and the buttons that open it."""
    (length, gain), row = cell, lengths.index(cell[0])
    if row >= len(ratio):
        st.markdown(f"**T = {length}, {called} {gain:g}** is being computed.")
        return
    picked, left = replace(e, length=length, gain=gain), ratio[row, theory.GAINS.index(gain)]
    sentence = (
        "There is no gradient at the end, or not a finite one."
        if np.isnan(left)
        else f"{amount(left, smallest(ratio.dtype), PHRASE_BOUNDS)} of the gradient is left: {ratio_phrase(left)}."
    )
    st.markdown(f"**T = {length}, {called} {gain:g}**  \n{sentence}")
    layout.open_in_lab("Open in the lab", picked, "vanishing_lab", width="stretch")
    layout.open_here("Show it above", picked, "vanishing_here", "vertical_align_top", width="stretch")


def untrained(e: Experiment) -> Experiment:
    """Returns the Experiment with default training settings, so that all viewers of its untrained network share one answer."""
    untrained: dict[str, Any] = {name: FIELDS[name].default for name in TRAINING}
    return replace(e, fixes=(), **untrained)
