"""Registers a drawing as a Streamlit component: its HTML, its style sheet, and its scripts as one module."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

HERE = Path(__file__).parent


def drawing(name: str, scripts: Sequence[str], html: str | None = None, *css: str) -> Callable[..., Any]:
    """Returns the component's mount function. `scripts` and `css` are files, named from this folder.

    Streamlit takes one script and one style sheet a component, so both are joined in their order. The scripts share one
    scope: a script may use what an earlier one defines. One has the default export, which Streamlit calls for each change of the
    data or the theme.
    """
    return st.components.v2.component(name, html=html, css=_read(css) or None, js=_read(scripts))


def _read(files: Sequence[str]) -> str:
    return "".join(HERE.joinpath(file).read_text("utf-8") for file in files)
