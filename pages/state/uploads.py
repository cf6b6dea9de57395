"""Sentences and texts that viewers bring along: the upload, and who may use what. In this server's memory alone.

What is given is known by the name that its content has (rnnkit.tasks.data). Only who gave it can use it, until they share it:
then everybody whose link names it can. The least recently used goes when it is more than the server wants to keep.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st
from starlette.formparsers import MultiPartParser

from pages.server.browser_cookie import browser
from pages.ui.markdown import plain
from rnnkit.corpus import FORMATS, Corpus, CorpusError, Pairs, Text, read_corpus, read_pairs, read_suite, read_text
from rnnkit.errors import listing
from rnnkit.serving.limits import Limits
from rnnkit.tasks import data
from rnnkit.tasks.data import Data

# An upload that is not too large stays in memory, as is promised below; by itself the web server puts all above 1 MB into a
# temporary file, for which a full or read-only disk has no room.
MultiPartParser.spool_max_size = 1_000_000 * Limits.from_environment().max_upload_megabytes

PASTED = 2_000_000  # characters of a pasted text


@dataclass
class Given:
    """Something that somebody brought along."""

    size: int
    owners: set[str] = field(default_factory=set)
    shared: bool = False


class Shelf:
    """What all viewers of this server gave, by digest."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits.from_environment()
        self.given: OrderedDict[str, Given] = OrderedDict()
        self.lock = threading.Lock()

    def put(self, what: Data, size: int, owner: str) -> str:
        with self.lock:
            digest = data.keep(what)
            self.given.setdefault(digest, Given(size)).owners.add(owner)
            self.given.move_to_end(digest)
            most = 1_000_000 * self.limits.keep_upload_megabytes
            while len(self.given) > 1 and sum(g.size for g in self.given.values()) > most:
                data.drop(self.given.popitem(last=False)[0])
            return digest

    def allows(self, digest: str, viewer: str) -> bool:
        with self.lock:
            one = self.given.get(digest)
            if one is None or not (one.shared or viewer in one.owners):
                return False
            self.given.move_to_end(digest)
            return True


@st.cache_resource(show_spinner=False)
def shelf() -> Shelf:
    return Shelf()


def viewer() -> str:
    """Who this is: the browser, so that a reloaded page knows its own sentences; else this session."""
    return browser() or st.session_state.viewer


def refusal(digest: str) -> str:
    """Why this viewer cannot use these data; "" where they can."""
    if not digest or shelf().allows(digest, viewer()):
        return ""
    return f"the sentences or the text {digest} are not here, or not shared: give the file again on its page"


def about(digest: str) -> Data:
    """What was given under this name; raises KeyError where it is not here (any more)."""
    return data.KEPT[digest]


def sharing(digest: str) -> None:
    """The switch with which a viewer lets everybody with the link use what they gave."""
    one = shelf().given.get(digest)
    if one is None or viewer() not in one.owners:
        return
    one.shared = st.toggle(
        "Share with everybody who has the link",
        value=one.shared,
        key=f"share_{digest}",
        help="Off: only your browser can use it. On: whoever opens the link in the address bar trains on it too. It is "
        "kept in the server's memory, not on disk, and is forgotten when the server restarts.",
    )


def _most() -> int:
    """Bytes of an upload at most."""
    return 1_000_000 * shelf().limits.max_upload_megabytes


def given(kind: str, key: str) -> str | None:
    """Draws what it takes to bring along "sentences" to train on, a "text", or "pairs".

    The digest of what was given just now, None otherwise. After each reading the fields for files are new ones, so that a file
    that was refused does not stay beside the next one; why it was refused stays until then.
    """
    read: Callable[[str, str], tuple[Data | None, int]] = {"sentences": _corpus, "text": _text, "pairs": _pairs}[kind]
    turn, told = f"{key}_turn", f"{key}_told"
    number = st.session_state.setdefault(turn, 0)
    try:
        with st.form(key, border=True):
            what, size = read(key, f"{key}_files_{number}")
    except CorpusError as error:
        st.session_state[told] = (
            f"This cannot be used: {plain(str(error))}. Nothing was trained, and what was there before is kept."
        )
        st.session_state[turn] = number + 1
        st.rerun()
    if what is not None:
        st.session_state.pop(told, None)
        st.session_state[turn] = number + 1
        return shelf().put(what, size, viewer())
    if told in st.session_state:
        st.error(st.session_state[told], icon=":material/block:")
    return None


def _corpus(key: str, files_key: str) -> tuple[Corpus | None, int]:
    most = shelf().limits.max_upload_megabytes
    files = st.file_uploader(
        "Sentences: one file; or a .text file and its .gold file", key=files_key, accept_multiple_files=True, max_upload_size=most
    )
    kinds = {None: "recognise it"} | {name: kind.title for name, kind in FORMATS.items()}
    form = st.selectbox("Format", list(kinds), format_func=kinds.__getitem__, key=f"{key}_format")
    with st.expander("Which formats?"):
        st.markdown("\n".join(f"- **{kind.title}**: {kind.about}" for kind in FORMATS.values()))
    tests = st.file_uploader(
        "Other sentences to test on, if you have them: any format, any number. Then all of the first are for training",
        key=f"{files_key}_test",
        accept_multiple_files=True,
        max_upload_size=most,
    )
    if not st.form_submit_button("Read these sentences", icon=":material/upload_file:"):
        return None, 0
    suite = None
    if tests:
        data, name, gold = _one(tests)
        try:
            suite = read_suite(data, name, gold=gold, max_bytes=_most())
        except CorpusError as error:
            raise CorpusError(f"{name}, to test on: {error}") from None
    data, name, gold = _one(files)
    return read_corpus(data, name, form, gold, max_bytes=_most(), test=suite), sum(file.size for file in [*files, *tests])


def _one(files: Sequence[Any]) -> tuple[bytes, str, bytes | None]:
    """Content and name of the one file, and the content of the .gold file beside it."""
    if not files:
        raise CorpusError("expected a file, got none")
    gold = [file for file in files if file.name.endswith(".gold")]
    others = [file for file in files if not file.name.endswith(".gold")]
    if len(gold) > 1 or len(others) != 1:
        raise CorpusError(f"expected one file, and perhaps a .gold file beside it, got {listing(f.name for f in files)}")
    return others[0].getvalue(), others[0].name, gold[0].getvalue() if gold else None


def _pairs(key: str, files_key: str) -> tuple[Pairs | None, int]:
    files = st.file_uploader(
        "Minimal pairs: one file; or a .text file and its .gold file",
        key=files_key,
        accept_multiple_files=True,
        max_upload_size=shelf().limits.max_upload_megabytes,
    )
    if not st.form_submit_button("Read these pairs", icon=":material/upload_file:"):
        return None, 0
    data, name, gold = _one(files)
    return read_pairs(data, name, gold, max_bytes=_most()), sum(file.size for file in files)


def _text(key: str, files_key: str) -> tuple[Text | None, int]:
    file = st.file_uploader("A text file", key=files_key, max_upload_size=shelf().limits.max_upload_megabytes)
    pasted = st.text_area("or paste a text", key=f"{key}_pasted", max_chars=PASTED, height=120)
    book = st.checkbox(
        "Of a Project Gutenberg file, the book alone: without its header and licence",
        value=True,
        key=f"{key}_book",
        help="They are some 20,000 characters of English law. At the end of a short book they fill the whole part for the test.",
    )
    if not st.form_submit_button("Read this text", icon=":material/upload_file:"):
        return None, 0
    if file is not None:
        return read_text(file.getvalue(), file.name, max_bytes=_most(), whole=not book), file.size
    if not pasted.strip():
        raise CorpusError("expected a file or a pasted text, got neither")
    pasted_bytes = pasted.encode("utf-8", "replace")
    return read_text(pasted_bytes, "pasted text", max_bytes=_most(), whole=not book), len(pasted_bytes)
