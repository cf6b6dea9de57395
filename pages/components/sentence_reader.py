"""Sentences read word by word: below each word the answer so far, the gradient that comes back from the verb, and the units.

A Streamlit component: rows of the same words stand aligned, one for each sentence and network; `sentence_reader.js` moves and
`sentence_reader_draw.js` paints, `sentence_reader.css` styles, `viridis.js` holds the colours of gradients. Python hears where
its viewer stands still. A frame is bytes: uint32 length of the header, the header as JSON (padded with spaces to a multiple of
four), then of each row float32 answers (T,), float32 activations (U, T) and uint16 codes of the gradient norms (P, T), all
little-endian.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import streamlit as st

from pages.components.heatmap import CODING
from pages.state import page_settings
from rnnkit.engine.record import encode

HTML = """
<div class="reader" tabindex="0" role="group">
  <div class="top">
    <span class="scale answers"><span>p(were)</span><span class="ramp"></span></span>
    <span class="scale norms"><span>gradient</span><span class="bar"></span></span>
    <span class="scale units"><span class="part"></span><span class="ramp"></span></span>
    <button class="zoom" type="button"></button>
  </div>
  <div class="plot"><canvas></canvas><div class="scroll"><div></div></div></div>
  <div class="panel"><div class="what"></div><div class="heard" role="status"></div><table></table></div>
  <div class="tip" hidden></div>
</div>
"""

_here = Path(__file__)
_component = st.components.v2.component(
    "rnnkit_reader",
    html=HTML,
    css=_here.with_suffix(".css").read_text("utf-8"),
    js="".join(
        (_here.parent / name).read_text("utf-8")
        for name in ("numbers.js", "viridis.js", "place.js", "sentence_reader.js", "sentence_reader_draw.js")
    ),
)


MANY = 30  # words: beyond that all are shown at once first
PLACE = {  # settings of the page: where its viewer is in the sentence
    "sentence_word": page_settings.Number(0, 9_999),
    "sentence_width": page_settings.Choice(("all", "words")),  # all words at once, or each wide enough to be read
}


class Row(NamedTuple):
    """One sentence as one network reads it; T words, U units, P parts of the state."""

    network: str  # its name, where there are several
    words: Sequence[str]
    numbers: Sequence[int]  # of each word: 0 singular, 1 plural, -1 none
    right: int  # number of the subject
    answers: np.ndarray  # (T,) p(were), or a reservoir's score
    norms: np.ndarray  # (P, T) of dL/ds_t
    parts: Sequence[str]  # names of the state's parts
    values: np.ndarray  # (U, T) of what is shown
    units: Sequence[int]  # their numbers
    off: Sequence[int] = ()  # those switched off


def reader(rows: Sequence[Row], *, part: str, bound: float, scores: bool, summary: str, key: str) -> None:
    """Draws the rows, aligned word by word. `part` names the activations, which have full colour at -bound and bound; `scores`:
    the answers are a reservoir's, not probabilities; summary: for screen readers."""
    T, numbers, key = len(rows[0].words), list(rows[0].numbers), page_settings.drawing(key)
    subject = next((t for t in range(T) if numbers[t] >= 0), 0)
    head = {"part": part, "bound": bound, "scores": scores, "summary": summary}
    head["word"] = page_settings.value("sentence_word", subject, lambda t: t < T, T)
    head["whole"] = page_settings.value("sentence_width", "all" if T > MANY else "words", context=T) == "all"
    _component(key=key, data=pack(rows, head), on_place_change=page_settings.of_component(key, sentence_word=T, sentence_width=T))


def pack(rows: Sequence[Row], head: dict) -> bytes:
    """One frame as bytes, laid out as the module says. Raises ValueError where rows have not the same number of words."""
    T = len(rows[0].words)
    if any(len(row.words) != T or row.values.shape[1] != T or row.norms.shape[1] != T for row in rows):
        raise ValueError(f"expected {T} words in every row, got {[len(row.words) for row in rows]}")
    told = [
        {
            "network": row.network,
            "words": list(row.words),
            "numbers": [int(n) for n in row.numbers],
            "right": int(row.right),
            "parts": list(row.parts),
            "units": [int(u) for u in row.units],
            "off": [int(u) for u in row.off],
        }
        for row in rows
    ]
    text = json.dumps({**head, "length": T, "rows": told, "coding": CODING}, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    bodies = []
    for row in rows:
        codes = encode(row.norms).astype("<u2").tobytes()
        bodies += [row.answers.astype("<f4").tobytes(), row.values.astype("<f4").tobytes(), codes + b"\0" * (-len(codes) % 4)]
    return b"".join([len(text).to_bytes(4, "little"), text, *bodies])
