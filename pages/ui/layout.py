"""Parts of every page: the question on top, the mathematics in an expander, and what to try next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.server.streamlit_private import resolve
from pages.state import browser_history, session, view_options
from rnnkit import glossary
from rnnkit.experiment import Experiment

DISPLAYED = re.compile(
    r"\s*\$\$\s*(.*?)\s*\$\$\s*", re.DOTALL
)  # Markdown wants the signs of a displayed equation on lines of their own
RESERVES = ".st-key-{0} > .streamlit-element:has(> .streamlit-html > style) {{ position: absolute; width: 0; height: 0; }}"


def opening(question: str, sentence: str) -> None:
    """Draws the page's question and the sentence that answers it. Words of the glossary are links, with their pictures beside."""
    with st.container(key="opening"):
        st.subheader(question, anchor=False)
        st.markdown(glossary.marked(sentence), help=glossary.explained(sentence) or None)


def caption(text: str, **options: Any) -> None:
    """Draws a caption. Words of the glossary are links, which show their line."""
    st.caption(glossary.marked(text), **options)


def reserved(key: str, height: int, on_phone: int | None = None) -> Any:
    """Returns a container of at least this height in pixels, so that nothing below it moves while its content is computed.

    on_phone: the height where columns stand below each other.
    """
    heights = view_options.size(height), view_options.size(height if on_phone is None else on_phone)
    rule = f".st-key-{key} {{{{ min-height: {{}}px; }}}}".format
    style = f"{rule(heights[0])} @media (max-width: 640px) {{ {rule(heights[1])} }}"
    place = st.container(key=key)
    place.html(resolve(f"<style>{style} {RESERVES.format(key)}</style><i></i>"))  # Streamlit draws no container that is empty
    return place


def equally_long(e: Experiment) -> bool:
    """Returns whether all sequences have the same length, which a page with a time axis needs. Else draws a message."""
    if not e.bound_task.padded:
        return True
    many = f"the {e.bound_task.samples} of this task have many"
    st.info(f"This page needs sequences of one length; {many}. Choose another task in the sidebar.")
    return False


def mathematics(text: str, title: str = "The mathematics") -> None:
    """Draws an expander with equations in the symbols of the code."""
    with st.container(key="mathematics"), st.expander(title, icon=":material/function:"):
        st.markdown(DISPLAYED.sub(r"\n\n$$\n\1\n$$\n\n", text))


def open_in_lab(label: str, e: Experiment, key: str, pinned: Experiment | None = None, **options: Any) -> None:
    """Draws a button that loads an Experiment, pins another one where given, and opens the lab."""
    usual = {"icon": ":material/science:"} | disabled_by(session.refusal(e))
    st.button(label, key=key, on_click=browser_history.begin_chapter, args=(e, pinned), **(usual | options))


def open_here(label: str, e: Experiment, key: str, icon: str, **options: Any) -> None:
    """Draws a button that loads an Experiment and stays on this page."""
    usual = {"icon": f":material/{icon}:"} | disabled_by(session.refusal(e))
    if st.button(label, key=key, on_click=session.open_run, args=(e, False), **(usual | options)):
        st.rerun()


def disabled_by(reason: str) -> dict[str, Any]:
    """Returns the options of a button that is disabled for this reason, which is its help; "" leaves it enabled."""
    return {"disabled": bool(reason), "help": reason or None}


@dataclass(frozen=True)
class Try:
    """A suggestion at the end of a page: what to do, what to notice, and the Experiment for it."""

    text: str
    experiment: Experiment
    label: str = "Open in the lab"
    pinned: Experiment | None = None


def try_next(*suggestions: Try) -> None:
    """Draws the suggestions at the end of a page."""
    with st.container(key="try_next"):
        st.markdown("#### Try next")
        for i, (column, it) in enumerate(zip(st.columns(len(suggestions), gap="medium"), suggestions, strict=True)):
            with column.container(border=True, height="stretch"):
                st.markdown(glossary.marked(it.text))
                open_in_lab(it.label, it.experiment, f"try_{i}", it.pinned)
