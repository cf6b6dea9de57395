"""The live heatmap of gradient norms: one canvas that shows log10 ‖dL/dh_t‖ over time t and training steps.

A Streamlit component (`heatmap.js` paints, `heatmap.css` styles) that takes one frame of a run as bytes and updates in
place, so that nothing flickers at five frames a second. `data` of a component is either JSON or bytes, never both; a frame
is therefore bytes with the small JSON header in front: uint32 length of the header, header, int32 steps (n,), uint16 codes
(n, T), all little-endian, the header padded with spaces to a multiple of four.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from pages.state import view_options
from rnnkit.engine.record import CODES_PER_DECADE, CUT, INF, LOG10_MIN, NAN, NOTHING, ZERO

HTML = """
<div class="heatmap" role="slider" aria-orientation="vertical" tabindex="0">
  <div class="head">
    <span class="what"><span class="words">gradient norm </span>‖dL/d<span class="symbol"></span><sub>t</sub>‖</span>
    <span class="key now"></span><span class="key first"></span>
  </div>
  <div class="plot"><canvas></canvas></div>
  <div class="legend">
    <span class="scale"><span class="title">gradient norm</span><span class="bar"></span></span>
    <span class="marks">
      <span class="zero">below 1e-38</span><span class="cut">cut by truncation</span><span class="nan">NaN or inf</span>
    </span>
  </div>
  <div class="tip" hidden><div></div><div class="value"></div><div></div></div>
</div>
"""
CODING = {"zero": ZERO, "cut": CUT, "inf": INF, "nan": NAN, "nothing": NOTHING, "min": LOG10_MIN, "perDecade": CODES_PER_DECADE}

_here = Path(__file__)
_component = st.components.v2.component(
    "rnnkit_heatmap",
    html=HTML,
    css=_here.with_suffix(".css").read_text("utf-8"),
    js="".join(_here.with_name(name).read_text("utf-8") for name in ("numbers.js", "viridis.js", "heatmap.js")),
)


def pack(codes: np.ndarray, steps: np.ndarray, header: dict) -> bytes:
    """One frame as bytes, laid out as the module says."""
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    length = len(text).to_bytes(4, "little")
    return b"".join((length, text, steps.astype("<i4").tobytes(), codes.astype("<u2").tobytes()))


def heatmap(
    codes: np.ndarray,
    *,
    steps: np.ndarray,
    total_steps: int,
    cursor: int,
    symbol: str = "h",
    labels: Sequence[str] | None = None,
    aligned: bool = False,
    important: Sequence[int] = (),
    summary: str = "",
    height: int = 460,
    font: int = 16,
    key: str,
    on_pick: Callable[[int], None] = lambda row: None,
) -> None:
    """Draw the rows recorded so far; `on_pick` is called, before the rerun, with the row that the viewer picked.

    codes (n, T) uint16, n >= 0, see rnnkit.engine.record; steps (n,), increasing: the training step of each row, on an axis
    fixed to 0..total_steps. `cursor` is the row drawn as a profile; past the end it means the last row, so a large number
    follows the training. `labels` are the T words under the axis; those at the indices in `important` are bold and always
    shown. `aligned`: sequences of different lengths that end together, so times count back from the last one, which is 0.
    `height` and `font` are in px; with a font of 22, about 620 px look best. Raises ValueError if the shapes disagree.
    """
    n, length = codes.shape
    if codes.dtype != np.uint16 or len(steps) != n:
        raise ValueError(f"expected uint16 codes (n, T) and n steps, got {codes.dtype} {codes.shape} and {len(steps)} steps")
    if labels is not None and len(labels) != length:
        raise ValueError(f"expected one label per time step, {length}, got {len(labels)}")
    header = {
        "n": n,
        "length": length,
        "total": max(1, int(total_steps)),
        "cursor": max(0, min(int(cursor), n - 1)),
        "symbol": symbol,
        "labels": None if labels is None else list(labels),
        "aligned": aligned,
        "important": [int(t) for t in important],
        "summary": summary,
        "height": view_options.size(height),
        "font": view_options.size(font),
        "coding": CODING,
    }

    def picked() -> None:
        if (row := st.session_state.get(key, {}).get("row")) is not None:
            on_pick(row)

    _component(key=key, data=pack(codes, np.asarray(steps), header), on_row_change=picked)
