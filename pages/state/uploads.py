"""Uploads: sentences, texts, numbers and weights of viewers, and who may use them. They are kept in the server's memory alone.

An upload is named by the digest of its content (rnnkit.tasks.data). Its owner alone can use it, until the owner shares it. Then
everybody whose link names it can. Above Limits.keep_upload_megabytes the least recently used uploads are dropped.
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
from pages.state import viewer_state
from pages.ui.markdown import plain
from rnnkit.corpus import (
    FORMATS,
    Corpus,
    CorpusError,
    Pairs,
    Series,
    Text,
    read_corpus,
    read_pairs,
    read_series,
    read_suite,
    read_text,
)
from rnnkit.corpus.number_table import column_names
from rnnkit.corpus.series import MAX_AHEAD
from rnnkit.engine.torch_layout import read_weights
from rnnkit.errors import join_names, shorten_repr
from rnnkit.serving.limits import Limits
from rnnkit.tasks.data import STORE, Data
from rnnkit.tasks.weights import Weights

# Keeps every allowed upload in memory, as the help of `sharing` promises. By default the web server writes uploads above 1 MB to
# a temporary file, which fails on a full or read-only disk.
MultiPartParser.spool_max_size = 1_000_000 * Limits.from_environment().max_upload_megabytes

MAX_PASTED_CHARS = 2_000_000
MAX_COLUMN_CHARS = 2_000  # of the names of columns


@dataclass
class Upload:
    """Size in bytes and owners of one upload."""

    size: int
    owners: set[str] = field(default_factory=set)
    shared: bool = False


class UploadStore:
    """The uploads of all viewers of this server: digest -> Upload, the least recently used first."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits.from_environment()
        self.uploads: OrderedDict[str, Upload] = OrderedDict()
        self.lock = threading.Lock()

    def put(self, what: Data, size: int, owner: str) -> str:
        """Stores an upload of `size` bytes. Returns its digest."""
        with self.lock:
            digest = STORE.put(what)
            self.uploads.setdefault(digest, Upload(size)).owners.add(owner)
            self.uploads.move_to_end(digest)
            max_bytes = 1_000_000 * self.limits.keep_upload_megabytes
            while len(self.uploads) > 1 and sum(upload.size for upload in self.uploads.values()) > max_bytes:
                STORE.drop(self.uploads.popitem(last=False)[0])
            return digest

    def allows(self, digest: str, viewer: str) -> bool:
        """Returns whether this viewer may use an upload, and marks it as used."""
        with self.lock:
            one = self.uploads.get(digest)
            if one is None or not (one.shared or viewer in one.owners):
                return False
            self.uploads.move_to_end(digest)
            return True


@st.cache_resource(show_spinner=False)
def store() -> UploadStore:
    """Returns the uploads of this server."""
    return UploadStore()


def viewer() -> str:
    """Returns the owner of uploads: the browser, so that a reload keeps them, or else this session."""
    return browser() or viewer_state.current().id


def refusal(*digests: str) -> str:
    """Returns why this viewer cannot use one of these data, "" where they can use all."""
    for digest in digests:
        if digest and not store().allows(digest, viewer()):
            return f"what {digest} names is not here, or not shared: give the file again on its page"
    return ""


def about(digest: str) -> Data:
    """Returns the upload with this digest. Raises KeyError where it is not here, or not any more."""
    return STORE.get(digest)


def sharing(digest: str) -> None:
    """Draws the switch that lets everybody with the link use an upload of this viewer."""
    one = store().uploads.get(digest)
    if one is None or viewer() not in one.owners:
        return
    one.shared = st.toggle(
        "Share with everybody who has the link",
        value=one.shared,
        key=f"share_{digest}",
        help="Off: only your browser can use it. On: whoever opens the link in the address bar trains on it too. It is "
        "kept in the server's memory, not on disk, and is forgotten when the server restarts.",
    )


def _max_bytes() -> int:
    """Returns the largest size of an upload."""
    return 1_000_000 * store().limits.max_upload_megabytes


def given(kind: str, key: str) -> str | None:
    """Draws the form for an upload: "sentences" to train on, a "text", "pairs", a "series", or the "weights" of a network.

    Returns the digest of what has just been uploaded, None otherwise. After each reading the file fields are new widgets, so
    that a refused file does not stay beside the next one. The reason of a refusal stays until then.
    """
    kinds = {"sentences": _corpus, "text": _text, "pairs": _pairs, "series": _series, "weights": _weights}
    read: Callable[[str, str], tuple[Data | None, int]] = kinds[kind]
    forms = viewer_state.current().uploads
    fields, refused = forms.fields[f"{key}_files"], st.container()  # above the form, which can be longer than its popover
    try:
        with st.form(key, border=True):
            what, size = read(key, fields.key)
    except CorpusError as error:
        text = plain(str(error).removesuffix("."))
        forms.refused[key] = f"This cannot be used: {text}. Nothing was trained, and what was there before is kept."
        fields.renew()
        st.rerun()
    if what is not None:
        forms.refused.pop(key, None)
        fields.renew()
        return store().put(what, size, viewer())
    if key in forms.refused:
        refused.error(forms.refused[key], icon=":material/block:")
    return None


def _corpus(key: str, files_key: str) -> tuple[Corpus | None, int]:
    megabytes = store().limits.max_upload_megabytes
    files = st.file_uploader(
        "Sentences: one file; or a .text file and its .gold file",
        key=files_key,
        accept_multiple_files=True,
        max_upload_size=megabytes,
    )
    kinds = {None: "recognise it"} | {name: kind.title for name, kind in FORMATS.items()}
    form = st.selectbox("Format", list(kinds), format_func=kinds.__getitem__, key=f"{key}_format")
    with st.expander("Which formats?"):
        st.markdown("\n".join(f"- **{kind.title}**: {kind.about}" for kind in FORMATS.values()))
    tests = st.file_uploader(
        "Other sentences to test on, if you have them: any format, any number. Then all of the first are for training",
        key=f"{files_key}_test",
        accept_multiple_files=True,
        max_upload_size=megabytes,
    )
    if not st.form_submit_button("Read these sentences", icon=":material/upload_file:"):
        return None, 0
    suite = None
    if tests:
        data, name, gold = _one(tests)
        try:
            suite = read_suite(data, name, gold=gold, max_bytes=_max_bytes())
        except CorpusError as error:
            raise CorpusError(f"{name}, to test on: {error}") from None
    data, name, gold = _one(files)
    return read_corpus(data, name, form, gold, max_bytes=_max_bytes(), test=suite), sum(file.size for file in [*files, *tests])


def _one(files: Sequence[Any]) -> tuple[bytes, str, bytes | None]:
    """Returns content and name of the one file, and the content of the .gold file beside it or None."""
    if not files:
        raise CorpusError("expected a file, got none")
    gold = [file for file in files if file.name.endswith(".gold")]
    others = [file for file in files if not file.name.endswith(".gold")]
    if len(gold) > 1 or len(others) != 1:
        raise CorpusError(f"expected one file, and perhaps a .gold file beside it, got {join_names(f.name for f in files)}")
    return others[0].getvalue(), others[0].name, gold[0].getvalue() if gold else None


def _pairs(key: str, files_key: str) -> tuple[Pairs | None, int]:
    files = st.file_uploader(
        "Minimal pairs: one file; or a .text file and its .gold file",
        key=files_key,
        accept_multiple_files=True,
        max_upload_size=store().limits.max_upload_megabytes,
    )
    if not st.form_submit_button("Read these pairs", icon=":material/upload_file:"):
        return None, 0
    data, name, gold = _one(files)
    return read_pairs(data, name, gold, max_bytes=_max_bytes()), sum(file.size for file in files)


def _weights(key: str, files_key: str) -> tuple[Weights | None, int]:
    file = st.file_uploader(
        "Weights: a .safetensors or .npz file", key=files_key, max_upload_size=store().limits.max_upload_megabytes
    )
    kinds = {"tanh": "tanh, torch's default", "relu": "ReLU"}
    kind = st.selectbox(
        "Nonlinearity, where it is an nn.RNN", list(kinds), format_func=kinds.__getitem__, key=f"{key}_nonlinearity"
    )
    if not st.form_submit_button("Read these weights", icon=":material/upload_file:"):
        return None, 0
    if file is None:
        raise CorpusError("expected a file, got none")
    try:
        weights = read_weights(file.getvalue(), file.name, kind)
    except ValueError as error:
        raise CorpusError(f"{shorten_repr(file.name, 60)}: {error}") from None
    return weights, sum(values.nbytes for values in weights.arrays.values())  # unpacked, in memory


def _series(key: str, files_key: str) -> tuple[Series | None, int]:
    file = st.file_uploader(
        "A table of numbers (.csv, .tsv, .txt): a row for each time, the first time first",
        key=files_key,
        max_upload_size=store().limits.max_upload_megabytes,
    )
    left, middle, right = st.columns([3, 3, 2], vertical_alignment="bottom")
    about = "Names of columns, separated by commas. Empty: all columns of numbers that vary."
    inputs = left.text_input("Columns to read", key=f"{key}_inputs", max_chars=MAX_COLUMN_CHARS, help=about)
    about = "Names of columns, separated by commas. Empty: those that are read."
    outputs = middle.text_input("Columns to predict", key=f"{key}_outputs", max_chars=MAX_COLUMN_CHARS, help=about)
    ahead = right.number_input("Rows ahead", 0, MAX_AHEAD, 1, key=f"{key}_ahead", help="0: from other columns of the same row.")
    if not st.form_submit_button("Read these numbers", icon=":material/upload_file:"):
        return None, 0
    if file is None:
        raise CorpusError("expected a file, got none")
    columns = column_names(inputs or ""), column_names(outputs or "")
    series = read_series(file.getvalue(), file.name, *columns, int(ahead), _max_bytes())
    return series, max(file.size, series.values.nbytes)


def _text(key: str, files_key: str) -> tuple[Text | None, int]:
    file = st.file_uploader("A text file", key=files_key, max_upload_size=store().limits.max_upload_megabytes)
    pasted = st.text_area("or paste a text", key=f"{key}_pasted", max_chars=MAX_PASTED_CHARS, height=120)
    book = st.checkbox(
        "Of a Project Gutenberg file, the book alone: without its header and licence",
        value=True,
        key=f"{key}_book",
        help="They are some 20,000 characters of English law. At the end of a short book they fill the whole part for the test.",
    )
    if not st.form_submit_button("Read this text", icon=":material/upload_file:"):
        return None, 0
    if file is not None:
        return read_text(file.getvalue(), file.name, max_bytes=_max_bytes(), whole=not book), file.size
    if not pasted.strip():
        raise CorpusError("expected a file or a pasted text, got neither")
    pasted_bytes = pasted.encode("utf-8", "replace")
    return read_text(pasted_bytes, "pasted text", max_bytes=_max_bytes(), whole=not book), len(pasted_bytes)
