"""What a tour can point at on the pages, and how: an outline with an arrow, in CSS, so that it outlives every redrawing.

`highlight.js` scrolls the place into view and listens to the tour's keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from rnnkit.experiment import FIELDS

SIDEBAR = {name: f"c_{name}" for name in FIELDS if name != "data"}  # name in a tour's file -> key of a widget or container
CHART = "chart: "  # instead of a key, which Streamlit gives to few charts: how its text for screen readers begins
STORY = {"story": "c_preset"}
LIVE = {
    "train": "transport",
    "pace": "pace",
    "seek": "seek",
    "heatmap": "heatmap",
    "state": "lab_state",
    "loss": CHART + "Training loss",
    "accuracy": CHART + "Accuracy",
    "norms": CHART + "Norm of the gradient",
}
PARTS: dict[str, dict[str, str]] = {  # page -> what it has beside the sidebar; a key that ends in _ goes on
    "lab": LIVE,
    "compare": {"pairs": "compare_pair", **LIVE},
    "network": {"drawing": "network_drawing", "weights": "network_trained", "subject": "network_number"},
    "steps": {
        "controls": "steps_controls",
        "table": "steps_ledger",
        "sentence": "steps_sentence",
        "weights": "steps_weights",
        "cut": "steps_cut",
    },
    "sentence": {
        "reader": "sentence_reader",
        "subject": "sentence_noun",
        "clause": "sentence_clause",
        "attractors": "sentence_attractors",
        "type": "sentence_typed",
        "best": "sentence_best",
        "breaks": CHART + "Accuracy by attractors",
    },
    "vanishing": {
        "numbers": "vanishing_numbers",
        "flow": CHART + "Norm of dL/dh",
        "spectrum": CHART + "Singular values",
        "slopes": CHART + "Distribution over the units",
        "map": "vanishing_map",
        "steps before": "vanishing_step",
    },
    "exploding": {
        "outcome": "exploding_said",
        "file": "exploding_file",
        "rewind": "exploding_rewind",
        "heatmap": "exploding_heat",
        "cliff": "exploding_cliff",
        "clip": "exploding_clip",
    },
    "remedies": {"panel": "remedies_panel", "outcome": "remedies_said", "table": "remedies_table"},
    "language": {"prompt": "language_prompt", "temperature": "language_temperature", "bits": CHART + "Bits a"},
}


def places() -> Mapping[str, Mapping[str, str]]:
    """page -> name -> key, of all that a tour can point at."""
    import dashboard

    return {name: _on(name, module.CONTROLS) for name, module in dashboard.PAGES.items()}


def _on(page: str, controls: tuple[str, ...] | None) -> dict[str, str]:
    shown = {name: key for name, key in SIDEBAR.items() if controls is None or name in controls}
    return (STORY if controls is None else {}) | shown | PARTS.get(page, {})


def selector(page: str, name: str) -> str:
    """In CSS. Streamlit names each element after its key; a control's key can end in "~n" (_session.key), which becomes "-n"."""
    if not name:
        return ""
    place = places()[page][name]
    if place.startswith(CHART):
        return f".stVegaLiteChart[aria-label^='{place.removeprefix(CHART)}']:not(.st-key-shelf_charts *)"
    key = f"st-key-{place}"
    return f"[class*='{key}']" if key.endswith("_") else f":is(.{key}, [class*='{key}-'])"


_here = Path(__file__)
_component = st.components.v2.component("rnnkit_point", js=_here.with_suffix(".js").read_text("utf-8"))
_STYLE = _here.with_suffix(".css").read_text("utf-8")


def point(selector: str, moment: str) -> None:
    """Points there; scrolls there when `moment`, which names the station and how far it is, changes. Nowhere: to the top."""
    style = _STYLE.replace("POINTED", selector) if selector else ""
    st.html(f"<style>{style}</style>")
    _component(key="tour_point", data={"selector": selector, "moment": moment})
