"""The live heatmap of gradient norms: one canvas that shows log10 ‖dL/dh_t‖ over time t and training steps.

A Streamlit component (`heatmap.js` paints, `heatmap.css` styles) that takes one frame of a run as bytes (frame_codec.py) and
updates in place, so that nothing flickers at five frames a second.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from pages.components.drawing import drawing
from pages.components.frame_codec import encode
from pages.state import view_options, widgets
from rnnkit.analysis.gradient_summary import ARRIVES, LARGE, PHRASES, VANISHED
from rnnkit.engine.record import CODES_PER_DECADE, CUT, INF, LOG10_MIN, NAN, NOTHING, ZERO

HTML = """
<div class="heatmap" role="slider" aria-orientation="vertical" tabindex="0">
  <div class="head">
    <span class="what"><span class="words">gradient norm </span>‖dL/d<span class="symbol"></span><sub>t</sub>‖<span
      class="over"> / ‖dL/d<span class="symbol"></span><sub>T</sub>‖</span></span>
    <span class="key now"></span><span class="key first"></span>
    <span class="marks">
      <span class="zero">below 1e-38</span><span class="cut">cut</span><span class="nan">NaN or inf</span>
      <span class="nothing">no sequence yet</span>
    </span>
  </div>
  <div class="plot"><canvas></canvas></div>
  <div class="legend">
    <span class="title">gradient norm<span class="over"> over that at the end</span></span><span class="bar"></span>
  </div>
  <div class="tip" hidden><div></div><div class="value"></div><div></div></div>
</div>
"""
CODING = {"zero": ZERO, "cut": CUT, "inf": INF, "nan": NAN, "nothing": NOTHING, "min": LOG10_MIN, "perDecade": CODES_PER_DECADE}
# [log10 of the largest ratio, word]: how the arrow names what is left at the subject, as the sentences do
LEFT = [[bound, word] for bound, word in zip((*np.log10([VANISHED, *ARRIVES, LARGE]).tolist(), 999), PHRASES, strict=True)]

_component = drawing(
    "rnnkit_heatmap",
    ("drawing.js", "frame_codec.js", "numbers.js", "viridis.js", "heatmap_draw.js", "heatmap.js"),
    HTML,
    "heatmap.css",
)


def heatmap(
    codes: np.ndarray,
    *,
    steps: np.ndarray,
    total_steps: int,
    cursor: int,
    symbol: str = "h",
    labels: Sequence[str] | None = None,
    aligned: str = "",
    important: Mapping[int, str] | None = None,
    share: bool = False,
    lags: tuple[np.ndarray, str] | None = None,
    summary: str = "",
    height: str = "460px",
    font: int = 16,
    key: str,
    on_pick: Callable[[int], None] = lambda row: None,
) -> None:
    """Draws the rows recorded so far. Calls `on_pick`, before the rerun, with the row that the viewer picked.

    codes (n, T) uint16, n >= 0, see rnnkit.engine.record; steps (n,), increasing: the training step of each row, on an axis
    fixed to 0..total_steps. `cursor` is the row drawn as a profile; past the end it means the last row, so a large number
    follows the training. `labels` are the T words under the axis. Where they do not fit, only those of `important` are shown:
    index -> text. `aligned`, if not empty: sequences of different lengths that end together, so times count back from
    the last one, which is 0; it names the axis. `share`: draws each norm over that of the last time step, which is 1 then.
    `lags`: the share of dL/dW_rec by time step at the cursor (T,), and words. They are drawn as bars below the map, the words
    above them, where the canvas is high enough and a share is not NaN.
    `height` is a CSS length; `font` is in px. Raises ValueError if the shapes disagree.
    """
    n, length = codes.shape
    if codes.dtype != np.uint16 or len(steps) != n:
        raise ValueError(f"expected uint16 codes (n, T) and n steps, got {codes.dtype} {codes.shape} and {len(steps)} steps")
    if labels is not None and len(labels) != length:
        raise ValueError(f"expected one label per time step, {length}, got {len(labels)}")
    shares, lag_words = lags or (np.full(length, np.nan), "")
    if shares.shape != (length,):
        raise ValueError(f"expected one share per time step, {length}, got {shares.shape}")
    bars = np.nan_to_num(shares).astype(np.float32) if not np.isnan(shares).all() else np.zeros(0, np.float32)
    header = {
        "n": n,
        "length": length,
        "total": max(1, int(total_steps)),
        "cursor": max(0, min(int(cursor), n - 1)),
        "symbol": symbol,
        "labels": None if labels is None else list(labels),
        "aligned": aligned,
        "important": [[int(t), name] for t, name in (important or {}).items()],
        "share": share,
        "lagWords": lag_words,
        "summary": f"{summary} {lag_words}{'.' * bool(lag_words)}".strip(),
        "height": height,
        "font": view_options.size(font),
        "left": LEFT,
        "coding": CODING,
    }

    def picked() -> None:
        if (row := widgets.value(key, {}).get("row")) is not None:
            on_pick(row)

    _component(key=key, data=encode(header, steps=np.asarray(steps, np.int32), codes=codes, lags=bars), on_row_change=picked)
