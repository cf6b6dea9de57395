"""The dialog Share: a link to exactly what is shown, its QR code, and a lesson with controls hidden or locked."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from pages.components.qr_code import qr_code
from pages.room import room_state
from pages.state import url, view_options
from pages.state.viewer_state import View

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
ELSEWHERE = ("192.0.2.1", 9)  # an address of no machine (RFC 5737); nothing is sent to it


def button() -> None:
    """Draws the button that opens the dialog."""
    about = "A link to exactly this with its QR code, and a room for a class"
    if st.button("Share", key="share", icon=":material/qr_code_2:", help=about, disabled=view_options.locked("share")):
        _share(room_state.present() is not None)


@st.dialog("Share", width="medium")
def _share(in_room: bool) -> None:
    """Draws the dialog. in_room: whether the viewer was in a room when it opened. It closes once they have opened one."""
    if room_state.present() and not in_room:
        st.rerun()
    left, right = st.columns([5, 4], gap="medium")
    with right:
        _room()
        shown = _lesson()
    link = reachable(url.address(shown))
    with left:
        qr_code(link, key="share_code")
    name = url.story()
    opens = f"The story **{name}**: this short link" if name else "**The link**, with every setting in it,"
    st.markdown(f"{opens} opens exactly these runs:")
    st.code(link, language=None, wrap_lines=True)
    st.caption("Not in it: the run list, which has a file of its own, and files of yours that you have not shared.")
    say_where(link)


def reachable(link: str) -> str:
    """Returns the link with this machine's address in its network, where the viewer's own address is a local one."""
    parts = urlsplit(link)
    if parts.hostname not in LOCAL_HOSTS or not (host := _network_address()):
        return link
    return parts._replace(netloc=host if parts.port is None else f"{host}:{parts.port}").geturl()


def say_where(link: str) -> None:
    """Says what a link needs where the viewer looks at a server on their own machine."""
    if urlsplit(link).hostname in LOCAL_HOSTS:
        st.info("This address is your own machine's. Other devices need the address under which they reach this server.")
    elif urlsplit(st.context.url or "").hostname in LOCAL_HOSTS:
        st.caption(
            "This address is your machine's in its network. Devices in the same network reach it unless a firewall forbids it."
        )


def _network_address() -> str:
    """Returns this machine's address in its network, "" where it has none or where the server listens to itself alone."""
    if st.get_option("server.address") in LOCAL_HOSTS:
        return ""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(ELSEWHERE)  # of a datagram socket this only chooses the interface
        except OSError:
            return ""
        return probe.getsockname()[0]


def _room() -> None:
    """Draws the button that opens a room for a class (pages/room/)."""
    st.markdown("**For a class**")
    if room_state.present():
        st.caption("You are in a room: its link stands above the page.")
        return
    about = "Everybody answers your questions on their phone, follows your screen, and trains for one map."
    st.button("Open a room", key="room_open", icon=":material/groups:", help=about, on_click=room_state.open_room)
    if trouble := room_state.trouble():
        st.warning(trouble)


def _lesson() -> View:
    """Draws the controls of a lesson. Returns the view that the link opens. The viewer's own view does not change."""
    st.markdown("**For a lesson**")
    names = view_options.controls()
    at: dict[str, Any] = {"format_func": names.get, "placeholder": "Nothing"}
    present = st.toggle("Presenter's view", key="share_present")  # of whoever opens the link
    hide = st.multiselect("Hide", list(names), sorted(view_options.view().hide), key="share_hide", **at)
    lock = st.multiselect("Lock", list(names), sorted(view_options.view().lock), key="share_lock", **at)
    st.caption("Hidden and locked controls keep their values; no result is ever hidden.")
    return View(present, frozenset(hide), frozenset(lock))
