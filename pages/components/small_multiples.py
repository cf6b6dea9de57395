"""A table of runs as small multiples: one Streamlit component draws all rows, so that many live heatmaps cost one message.

`small_multiples.js` draws, `small_multiples.css` styles, `viridis.js` holds the colours. A frame (frame_codec.py) holds of row i
the array `codes<i>`: uint16 (n, T).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from pages.components.drawing import drawing
from pages.components.frame_codec import encode
from pages.components.heatmap import CODING
from pages.state import page_settings, widgets

HTML = """
<div class="multiples">
  <div class="top">
    <div class="order" role="group" aria-label="Order of the rows">
      <span>Order</span><button aria-pressed="true">in groups</button><button data-order="solved">by solved</button>
      <button data-order="steps">by steps</button><button data-order="gradient">by gradient</button>
    </div>
    <div class="legend">
      <span>Gradient norm</span>
      <span class="bar" role="img" aria-label="Colours of the gradient norm, from 1e-12 to 1e4"></span>
      <span class="marks">
        <span class="cut">cut by truncation</span><span class="zero">below 1e-38</span><span class="nan">NaN</span>
      </span>
    </div>
  </div>
  <table>
    <thead><tr>
      <th class="what" scope="col">Remedy<small>and what differs from the plain network; press for more</small></th>
      <th class="heat" scope="col">Gradient<small></small></th>
      <th class="curve" scope="col">Accuracy<small></small></th>
      <th class="solved" scope="col">Solved<small>each network</small></th>
      <th class="after" scope="col">Until solved<small>median</small></th>
      <th class="ratio" scope="col">Gradient that arrives<small></small></th>
    </tr></thead>
    <tbody></tbody>
  </table>
  <div class="tip" hidden></div>
</div>
"""

_component = drawing(
    "rnnkit_multiples",
    ("drawing.js", "frame_codec.js", "numbers.js", "viridis.js", "place.js", "small_pictures.js", "small_multiples.js"),
    HTML,
    "small_pictures.css",
    "small_multiples.css",
)
ORDERS = ("groups", "solved", "steps", "gradient")


def pack(
    rows: Sequence[Mapping[str, Any]], codes: Sequence[np.ndarray], heads: Mapping[str, str], order: str = "", opened: Any = ()
) -> bytes:
    """Returns one frame as bytes. `opened`: keys of the rows that begin unfolded."""
    listed = [{**row, "length": c.shape[1]} for row, c in zip(rows, codes, strict=True)]
    header = {"rows": listed, "heads": heads, "coding": CODING, "order": order, "open": list(opened)}
    return encode(header, **{f"codes{i}": c for i, c in enumerate(codes)})


def multiples(
    rows: Sequence[Mapping[str, Any]],
    codes: Sequence[np.ndarray],
    *,
    heads: Mapping[str, str],
    key: str,
    actions: Mapping[str, Callable[[str], None]],
) -> None:
    """Draws the rows. Calls the function of an action, before the rerun, with the key of the row whose button was pressed.

    codes: (n, T) uint16 a row, see rnnkit.engine.record, of the first n training steps in its `grid`. A row says: key, heading,
    symbol, n, outcome, status, share done, networks (solved, lost, dead or open, one each), grid, exams, accuracy (a list a
    network, None for NaN), chance, `solved`, `after` and `arrives` to sort by, details and actions as pairs, and `text`: title,
    differs, count, tag, steps, time, arrives, symbol. heads: small print of the columns heat, curve and ratio.
    """

    def call(action: str) -> None:
        if row := widgets.value(key, {}).get(action):
            actions[action](row)

    callbacks: dict[str, Any] = {f"on_{action}_change": partial(call, action) for action in actions}
    callbacks["on_place_change"] = page_settings.of_component(key)
    order, opened = page_settings.value("remedies_order", ORDERS[0]), page_settings.value("remedies_open", [])
    data = pack(rows, codes, heads, "" if order == ORDERS[0] else order, opened)
    _component(key=key, data=data, **callbacks)


def on_screen(key: str) -> list[Any]:
    """Returns the keys of the rows that the viewer has on the screen and that are not finished, as the browser last said."""
    place = widgets.value(key, {}).get("place")
    seen = place.get("seen") if isinstance(place, dict) else None
    return seen if isinstance(seen, list) else []
