"""A table of runs as small multiples: one Streamlit component draws all rows, so that many live heatmaps cost one message.

`small_multiples.js` draws, `small_multiples.css` styles, `viridis.js` holds the colours. A frame is bytes: uint32 length of the
header, the header as JSON (padded with spaces to a multiple of four), then of each row uint16 codes (n, T), all little-endian.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from pages.components.heatmap import CODING
from pages.state import page_settings

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

_here = Path(__file__)
_component = st.components.v2.component(
    "rnnkit_multiples",
    html=HTML,
    css=_here.with_suffix(".css").read_text("utf-8"),
    js="".join(
        _here.with_name(name).read_text("utf-8") for name in ("numbers.js", "viridis.js", "place.js", "small_multiples.js")
    ),
)


ORDERS = ("groups", "solved", "steps", "gradient")


def pack(
    rows: Sequence[Mapping[str, Any]], codes: Sequence[np.ndarray], heads: Mapping[str, str], order: str = "", opened: Any = ()
) -> bytes:
    """One frame as bytes, laid out as the module says. `opened`: keys of the rows that begin unfolded."""
    told = [{**row, "length": c.shape[1]} for row, c in zip(rows, codes, strict=True)]
    header = {"rows": told, "heads": heads, "coding": CODING, "order": order, "open": list(opened)}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    return b"".join([len(text).to_bytes(4, "little"), text, *(c.astype("<u2").tobytes() for c in codes)])


def pressed(key: str, actions: Collection[str]) -> bool:
    """Whether this rerun comes from a button of the table with this key; its function has been called already."""
    state = st.session_state.get(key, {})
    return any(state.get(action) for action in actions)


def multiples(
    rows: Sequence[Mapping[str, Any]],
    codes: Sequence[np.ndarray],
    *,
    heads: Mapping[str, str],
    key: str,
    actions: Mapping[str, Callable[[str], None]],
) -> None:
    """Draws the rows. The function of an action is called with the row's key when its button is pressed, before the rerun.

    codes: (n, T) uint16 a row, see rnnkit.engine.record, of the first n training steps in its `grid`. A row says: key, heading,
    symbol, n, outcome, status, share done, networks (solved, lost, dead or open, one each), grid, exams, accuracy (a list a
    network, None for NaN), chance, `solved`, `after` and `arrives` to sort by, details and actions as pairs, and `text`: title,
    differs, count, tag, steps, time, arrives, symbol. heads: small print of the columns heat, curve and ratio.
    """

    def call(action: str) -> None:
        if row := st.session_state.get(key, {}).get(action):
            actions[action](row)

    watched: dict[str, Any] = {f"on_{action}_change": partial(call, action) for action in actions}
    watched["on_place_change"] = page_settings.of_component(key)
    order, opened = page_settings.value("remedies_order", ORDERS[0]), page_settings.value("remedies_open", [])
    data = pack(rows, codes, heads, "" if order == ORDERS[0] else order, opened)
    _component(key=key, data=data, **watched)
