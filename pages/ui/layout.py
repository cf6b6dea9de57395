"""What every page is made of: the question on top, mathematics to unfold, computed answers, and what to try next."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.state import browser_history, session
from pages.ui import errors, registry
from rnnkit.experiment import Experiment
from rnnkit.serving.process import Answer

DISPLAYED = re.compile(
    r"\s*\$\$\s*(.*?)\s*\$\$\s*", re.DOTALL
)  # Markdown wants the signs of a displayed equation on lines of their own
PATIENCE = 0.25  # seconds a page waits for an answer before it shows that it is waiting


def opening(question: str, sentence: str) -> None:
    """The page's one question and the one sentence that answers it."""
    st.subheader(question, anchor=False)
    st.markdown(sentence)


def equally_long(e: Experiment) -> bool:
    """Whether all sequences have the same length, as a page needs whose axis is the time; where not, the page says so."""
    if not e.bound_task.padded:
        return True
    st.info("This page needs sequences of one length; the sentences of a file have many. Choose another task in the sidebar.")
    return False


def mathematics(text: str, title: str = "The mathematics") -> None:
    """Equations, with the symbols that the code uses, for whoever unfolds them."""
    with st.container(key="mathematics"), st.expander(title, icon=":material/function:"):
        st.markdown(DISPLAYED.sub(r"\n\n$$\n\1\n$$\n\n", text))


def open_in_lab(label: str, e: Experiment, key: str, pinned: Experiment | None = None, **look: Any) -> None:
    """A button that loads an Experiment, and perhaps one to compare it with, and goes to the lab."""
    refused = session.refusal(e)
    usual: dict[str, Any] = {"icon": ":material/science:", "disabled": bool(refused), "help": refused or None}
    if st.button(label, key=key, on_click=browser_history.set_out, args=(e, pinned), **(usual | look)):
        to_lab()


def to_lab() -> None:
    """Leaves the page. Not from a fragment: its messages are still on their way, and can break the page that comes."""
    browser_history.arrive()
    st.switch_page(registry.navigation_entry("lab"))


@dataclass(frozen=True)
class Try:
    """A suggestion at the end of a page: what to do and what to look out for, and the Experiment that does it."""

    text: str
    experiment: Experiment
    label: str = "Open in the lab"
    pinned: Experiment | None = None


def try_next(*suggestions: Try) -> None:
    """The end of a page."""
    with st.container(key="try_next"):
        st.markdown("#### Try next")
        for i, (column, it) in enumerate(zip(st.columns(len(suggestions), gap="medium"), suggestions, strict=True)):
            with column.container(border=True, height="stretch"):
                st.markdown(it.text)
                open_in_lab(it.label, it.experiment, f"try_{i}", it.pinned)


def computed(study: str, e: Experiment, draw: Callable[[list[dict[str, Any]], bool], None], **options: Any) -> None:
    """Asks a worker for a study (rnnkit/studies/) and calls draw(parts found so far, all found?) until it is complete.

    Parts that only tell the progress are shown as a bar and not handed over. Nothing is drawn before the first real part.
    """
    answer = session.ask(study, e, **options)
    answer.ended.wait(PATIENCE)
    errors.fragment(_computed, run_every=None if answer.ended.is_set() else 0.2)(answer, answer.ended.is_set(), draw)


def _computed(answer: Answer, was_done: bool, draw: Callable[[list[dict[str, Any]], bool], None]) -> None:
    done, parts = answer.ended.is_set(), list(answer.parts)
    found = [part for part in parts if "progress" not in part]
    place, bar = st.container(), st.empty()
    if found and not answer.error:
        with place:
            draw(found, done)
    if answer.error:
        bar.error(f"This could not be computed: {answer.error}.", icon=":material/error:")
        if st.button("Try again", key=f"again_{id(answer)}", on_click=session.pool().forget, args=(answer,)):
            st.rerun()
    elif not done:
        share = next((part["progress"] for part in reversed(parts) if "progress" in part), 0.0)
        bar.progress(share, text="computing ...")
    if done != was_done:
        st.rerun()
