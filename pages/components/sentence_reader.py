"""Sentences read word by word: for each network the answer so far, as one line a version; then gradient and units of each row.

A Streamlit component with one row for each version and network, aligned word by word; a network's rows come together.
`sentence_reader.js` handles input, `sentence_reader_draw.js` draws, `sentence_reader.css` styles, `viridis.js` holds the colours
of gradients. The browser sends the viewer's place when it no longer changes.

A frame (frame_codec.py) holds of row i the arrays `answers<i>`: float32 (T,), `values<i>`, the
activations: float32 (U, T), and `codes<i>` of the gradient norms: uint16 (P, T).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pages.components.drawing import drawing
from pages.components.frame_codec import encode
from pages.components.heatmap import CODING
from pages.state import page_settings
from rnnkit.engine import record

HTML = """
<div class="reader" tabindex="0" role="group">
  <div class="top">
    <span class="scale answers"><span>p(were):</span><span class="below"></span><span class="above"></span></span>
    <span class="scale norms"><span>gradient</span><span class="bar"></span></span>
    <span class="scale units"><span class="part"></span><span class="ramp"></span></span>
    <button class="zoom" type="button"></button>
  </div>
  <div class="plot"><canvas></canvas><div class="scroll"><div></div></div></div>
  <div class="panel"><div class="what"></div><div class="heard" role="status"></div><table></table></div>
  <div class="tip" hidden></div>
</div>
"""

_component = drawing(
    "rnnkit_reader",
    (
        "drawing.js", "frame_codec.js", "numbers.js", "viridis.js", "place.js", "sentence_reader.js", "sentence_reader_draw.js",
    ),
    HTML,
    "sentence_reader.css",
)  # fmt: skip
MAX_WORDS_WIDE = 30  # of a sentence that is at first drawn with wide words, not whole
PLACE = {  # settings of the page: the viewer's place in the sentence
    "sentence_word": page_settings.Number(0, 9_999),
    "sentence_width": page_settings.Choice(("all", "words")),  # all words at once, or each wide enough to be read
}


class Row(NamedTuple):
    """One sentence as one network reads it; T words, U units, P parts of the state."""

    network: str  # its name
    outcome: str  # what it knows at the verb, in words
    words: Sequence[str]
    numbers: Sequence[int]  # of each word: 0 singular, 1 plural, -1 none
    right: int  # number of the subject
    answers: np.ndarray  # (T,) p(were), or a reservoir's score
    norms: np.ndarray  # (P, T) of dL/ds_t
    parts: Sequence[str]  # names of the state's parts
    values: np.ndarray  # (U, T) of what is shown
    units: Sequence[int] | np.ndarray  # their numbers
    off: Sequence[int] = ()  # those switched off


def reader(rows: Sequence[Row], *, part: str, bound: float, scores: bool, summary: str, key: str) -> None:
    """Draws the rows, aligned word by word. `part` names the activations, which have full colour at -bound and bound; `scores`:
    the answers are a reservoir's, not probabilities; summary: for screen readers."""
    T, numbers, key = len(rows[0].words), list(rows[0].numbers), page_settings.drawing(key)
    subject = next((t for t in range(T) if numbers[t] >= 0), 0)
    head = {"part": part, "bound": bound, "scores": scores, "summary": summary}
    head["word"] = page_settings.value("sentence_word", subject, lambda t: t < T, T)
    head["whole"] = page_settings.value("sentence_width", "all" if T > MAX_WORDS_WIDE else "words", context=T) == "all"
    _component(key=key, data=pack(rows, head), on_place_change=page_settings.of_component(key, sentence_word=T, sentence_width=T))


def pack(rows: Sequence[Row], head: dict) -> bytes:
    """Returns one frame as bytes. Raises ValueError where the rows differ in their number of words."""
    T = len(rows[0].words)
    if any(len(row.words) != T or row.values.shape[1] != T or row.norms.shape[1] != T for row in rows):
        raise ValueError(f"expected {T} words in every row, got {[len(row.words) for row in rows]}")
    listed = [
        {
            "network": row.network,
            "outcome": row.outcome,
            "words": list(row.words),
            "numbers": [int(n) for n in row.numbers],
            "right": int(row.right),
            "parts": list(row.parts),
            "units": [int(u) for u in row.units],
            "off": [int(u) for u in row.off],
        }
        for row in rows
    ]
    arrays = {}
    for i, row in enumerate(rows):
        arrays[f"answers{i}"], arrays[f"values{i}"] = row.answers.astype(np.float32), row.values.astype(np.float32)
        arrays[f"codes{i}"] = record.encode(row.norms)
    return encode({**head, "length": T, "rows": listed, "coding": CODING}, **arrays)
