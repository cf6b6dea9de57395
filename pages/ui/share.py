"""Sharing what is seen: the exact link, a QR code of it for the room, and a lesson with controls hidden or locked."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import segno
import streamlit as st

from pages.state import url, view_options

AT_HOME = ("localhost", "127.0.0.1", "::1")
CODE = '<img src="{}" alt="QR code of the link below" style="display: block; width: 100%; image-rendering: pixelated">'


def button() -> None:
    about = "A link to exactly this, and its QR code for the room"
    if st.button("Share", key="share", icon=":material/qr_code_2:", help=about, disabled=view_options.locked("share")):
        _share()


@st.dialog("Share", width="medium")
def _share() -> None:
    left, right = st.columns([5, 4], gap="medium")
    with right:
        shown = _lesson()
    link = url.address(shown)
    with left:
        try:
            st.html(CODE.format(_qr(link)))
        except segno.DataOverflowError:
            st.info("This link is too long for a QR code.")
    st.markdown("**The link** opens exactly these runs, with every setting in it:")
    st.code(link, language=None, wrap_lines=True)
    st.caption("Not in it: the shelf of runs, which has a file of its own, and files of yours that you have not shared.")
    if urlsplit(link).hostname in AT_HOME:
        st.info("This address is your own machine's. The room needs the address under which it can reach this server.")


@st.cache_data(max_entries=64, show_spinner=False)
def _qr(link: str) -> str:
    """As a data URI; with the least redundancy, so that its squares are as large as they can be."""
    return segno.make(link, error="l", micro=False, boost_error=False).svg_data_uri(border=3, light="white")


def _lesson() -> view_options.View:
    """What whoever opens the link sees less of; the sharer's own view stays as it is."""
    st.markdown("**For a lesson**")
    names = view_options.controls()
    at: dict[str, Any] = {"format_func": names.get, "placeholder": "Nothing"}
    present = st.toggle("Presenter's view", value=view_options.presenting(), key="share_present")
    hide = st.multiselect("Hide", list(names), sorted(view_options.view().hide), key="share_hide", **at)
    lock = st.multiselect("Lock", list(names), sorted(view_options.view().lock), key="share_lock", **at)
    st.caption("Hidden and locked controls keep their values; no result is ever hidden.")
    return view_options.View(present, frozenset(hide), frozenset(lock))
