"""The weights of a viewer's own network: the form for their file, and what the pages show once they are in use."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages.state import navigation, session, uploads
from pages.ui import layout
from pages.ui.markdown import plain
from rnnkit.corpus.notes import count
from rnnkit.engine.torch_layout import HOW_TO_SAVE, MODULES
from rnnkit.experiment import Experiment, ExperimentError, changed
from rnnkit.tasks.weights import Weights

PAGES = {"vanishing": "Why does it vanish?", "sentence": "Its sentences", "lab": "Train it on"}  # what there is to see


def form() -> None:
    """Draws the field for a file. Weights that can be used are those of the session's Experiment from then on."""
    st.markdown("**A network of one nn.RNN, nn.LSTM or nn.GRU**, one layer, one direction, and perhaps a linear readout:")
    st.code(f"import numpy as np\n{HOW_TO_SAVE}", language="python", wrap_lines=True)
    kept = "It stays in the server's memory, for your browser alone until you share it."
    st.caption(f"Or a `.safetensors` file. Nothing in it is executed. {kept}")
    digest = uploads.given("weights", "own_weights")
    if not digest:
        return
    given = uploads.about(digest)
    assert isinstance(given, Weights)
    try:
        e = changed(session.current(), {"cell": given.cell, "hidden": given.hidden, "weights": digest})
        refused = session.refusal(e)
    except ExperimentError as error:  # more hidden units than an Experiment can have
        refused = str(error)
    if refused:
        st.error(f"It cannot be shown here: {plain(refused)}.", icon=":material/block:")
        return
    session.load(e, play=False)
    st.rerun()


def in_use(e: Experiment) -> None:
    """Draws whose weights e begins with, what of them fits the task, and where to look at them. Nothing where they are drawn."""
    given = e.bound_weights
    if given is None:
        return
    with st.container(border=True, key="own_weights_in_use"):
        about = f"**{plain(given.name)}**: {_kind(given)}. The pages of the lab's network show it now."
        st.markdown(f"{about}  \n{plain(fit_text(e, given))}")
        with st.container(horizontal=True, vertical_alignment="center"):
            for page, label in PAGES.items():
                st.button(label, key=f"own_weights_{page}", on_click=navigation.go_to, args=(page,))
            _drawn_instead(e, "own_weights_drawn")
            uploads.sharing(e.weights)


def in_sidebar(e: Experiment) -> None:
    """Draws whose weights e begins with, in the place of the controls that draw them."""
    given = e.bound_weights
    if given is not None:
        st.caption(f"Weights of **{plain(given.name)}**, not drawn.")
        _drawn_instead(e, "own_weights_drawn_sidebar")


def first(e: Experiment) -> str:
    """Returns what the weights of e are before training, for a menu."""
    return "as given" if e.weights else "untrained"


def _drawn_instead(e: Experiment, key: str) -> None:
    drawn = replace(e, weights="")
    options = {"icon": ":material/undo:"} | layout.disabled_by(session.refusal(drawn))
    st.button("Draw the weights instead", key=key, on_click=session.open_run, args=(drawn, False), **options)


def _kind(given: Weights) -> str:
    return f"an nn.{MODULES[given.cell]} that reads {count(len(given.arrays['W_in']), 'number')}, {count(given.hidden, 'unit')}"


def fit_text(e: Experiment, given: Weights) -> str:
    """Says which of its weights are used in this task, and why others are drawn."""
    task = e.bound_task
    of_input, of_readout = given.fit(task.n_in, task.n_out)
    reads, answers = count(task.n_in, "input"), count(task.n_out, "output")
    if of_input and of_readout:
        return f"All its weights are used: the task {task.title} has {reads} and {answers}, too."
    own = len(given.arrays["W_in"])
    parts = [] if of_input else [f"its input weights, since the task {task.title} has {reads} and it reads {own:,}"]
    if not of_readout:
        has = count(given.arrays["W_out"].shape[1], "output") if "W_out" in given.arrays else "no readout"
        parts.append(f"its readout, since the task has {answers} and it has {has}")
    return f"Drawn anew are {' and '.join(parts)}. The recurrence is its own."
