"""The start: the sentence that a network must remember, what is left of its gradient, and that network in training."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st

from pages.state import navigation, session, view_options
from pages.tour import tour_state
from pages.ui import errors, live_run, sidebar, study_view, way_back
from rnnkit.analysis.gradient_summary import gradient_ratio, per_step, remaining_text
from rnnkit.experiment import Experiment
from rnnkit.rounding import significant

TITLE = "Start"
CONTROLS = ()
SHOWS_RUN = True
READY = (".wayback .bar", ".heatmap[data-rows]", "Accuracy")
DRAWING = (".heatmap", "Home", "aria-valuetext")
STYLE = """<style>
:root:root { --first-screen: clamp(14rem, 100dvh - 17.3rem - var(--arc) - 2.3 * var(--large) - var(--bars), 44rem);
  --controls: 0rem; }
</style>"""
TEACH = """
- **Present**, at the top right: larger type and charts, fewer words, on every page.
- **Share**: the link to exactly what is shown, and its QR code. All who open it see the same run and the same numbers.
- **A lesson**: in *Share*, hide or lock what would distract.
- **Tour**: a clicker drives it. It can be a tour of your own: the menu has its file, to change.
- **Stories** and **Remedies** are experiments for one lecture each.
"""


def page() -> None:
    sidebar.none()
    e = session.default()
    words = way_back.sentence(e, session.example(e))
    st.subheader("Why do recurrent networks forget?", anchor=False)
    study_view.polled(partial(_sentence, e, words), partial(_until_recorded, e))
    doors, run = st.columns((1, 3.2), gap="medium")
    with doors:
        _doors()
    with run:
        errors.fragment(_live)(e, words)


def _live(e: Experiment, words: Sequence[str]) -> None:
    st.html(STYLE)  # before the picture, whose height it sets; ahead of the lab's by its selector
    live_run.compact(e, words)


def _until_recorded(e: Experiment) -> float | None:
    """Returns seconds to the next look at the run, None once there is a record of its own or there will be none."""
    run = session.pool().get(e)
    return None if (run.history.n and not run.trained) or run.error else study_view.POLL_SECONDS


def _sentence(e: Experiment, words: Sequence[str]) -> None:
    """Draws the sentence, with what is left of the gradient at every word before training, once that is recorded."""
    run, task = session.pool().get(e), e.bound_task
    h = run.history
    source = task.evidence_step(e.length)
    steps = e.length - 1 - source
    share, text = None, f"the error at the {task.end_name} must reach the {task.evidence_name}, {steps} words before"
    about = "The weights are being initialized. Then the networks train here:"
    if h.n:
        share = way_back.shares(h.state_grad[0, 0])
        rate = significant(per_step(gradient_ratio(h.state_grad[0], e), steps), 2).removeprefix("0")
        text = (
            f"{rate} × {rate} × … over {steps} words: {remaining_text(h, 0)} of the gradient is left at the {task.evidence_name}"
        )
        of = f"‖dL/dhₜ‖ at every word as a share of that at the {task.end_name}"
        about = f"Measured: {of}, median of {e.replicas} networks before their training. "
        about += f"Their training, {run.origin}:" if run.origin else "Here they train:"
    st.html(way_back.picture(words, source, share, text))
    st.caption(about)


def _doors() -> None:
    kept = "pages" in view_options.kept()
    options: dict[str, Any] = {"width": "stretch"}
    if not view_options.hidden("tour"):
        off = view_options.locked("tour") or kept or tour_state.active() is not None
        st.button(
            "Take the tour",
            key="start_tour",
            icon=":material/tour:",
            type="primary",
            on_click=tour_state.start,
            args=("",),
            disabled=off,
            **options,
        )
        guide = tour_state.guide()
        st.caption(f"{len(guide.stations)} stations, {guide.minutes} minutes")
    st.button(
        "Explore",
        key="start_explore",
        icon=":material/science:",
        on_click=navigation.go_to,
        args=("lab",),
        disabled=kept,
        **options,
    )
    st.caption("The lab: train any network, change one thing")
    with st.popover("I teach", key="start_teach", icon=":material/school:", **options):
        st.markdown(TEACH)
        st.button(
            "The lab in the presenter's view",
            key="start_present",
            icon=":material/present_to_all:",
            on_click=_present,
            disabled=kept,
        )
    st.caption("Present, share, make a lesson")


def _present() -> None:
    """Callback: opens the lab in the presenter's view."""
    view_options.present(True)
    navigation.go_to("lab")


if __name__ == "__main__":  # Streamlit runs this file alone when a deep link is a fresh server's first request
    import dashboard

    dashboard.main()
