"""The cliff: an error surface in three dimensions and its map from above, with paths of gradient descent on both.

A Streamlit component: `error_surface.js` draws, `error_surface.css` styles. Height and colour are the error. A frame is bytes:
uint32 length of the header, the header as JSON (padded with spaces to a multiple of four), then float32 w, b, error and norm of
the gradient, each (m, n), of a mesh whose columns are straight and whose rows need not be; all little-endian.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from pages.state import page_settings

HTML = """
<div class="cliff">
  <div class="views">
    <figure class="solid" tabindex="0" role="application" aria-roledescription="surface"><canvas></canvas></figure>
    <figure class="map" tabindex="0" role="application" aria-roledescription="map">
      <canvas></canvas><div class="tip" hidden></div>
    </figure>
  </div>
  <div class="legend">
    <span class="scale"><span class="title">error</span><span class="bar"></span></span>
    <span class="paths"></span>
  </div>
</div>
"""

_here = Path(__file__)
_component = st.components.v2.component(
    "rnnkit_cliff",
    html=HTML,
    css=_here.with_suffix(".css").read_text("utf-8"),
    js="".join(_here.with_name(name).read_text("utf-8") for name in ("numbers.js", "place.js", "error_surface.js")),
)
CAMERA = {"turn": 2.62, "tilt": 0.66}  # where it stands at first, in radians
PLACE = {
    "exploding_turn": page_settings.Number(0.0, 6.29),
    "exploding_tilt": page_settings.Number(0.15, 1.45),
}  # settings of the page


@dataclass(frozen=True)
class Line:
    """A path to draw: its points, its colour, what the legend says, and what stands where it leaves the picture."""

    w: list[float]
    b: list[float]
    colour: str
    name: str
    away: str


def pack(surface: np.ndarray, header: dict) -> bytes:
    """One frame as bytes, laid out as the module says."""
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    return len(text).to_bytes(4, "little") + text + surface.astype("<f4").tobytes()


def cliff(
    surface: np.ndarray,
    *,
    w: tuple[float, float],
    b: tuple[float, float],
    lines: Sequence[Line],
    summary: str,
    key: str,
    on_start: Callable[[float, float], None],
) -> None:
    """Draws the surface (4, m, n): w, b, error, norm. `on_start` gets w and b of a click on the map, before the rerun."""
    (_, m, n), key = surface.shape, page_settings.drawing(key)
    camera = {name: page_settings.value(f"exploding_{name}", at) for name, at in CAMERA.items()}
    header = {"camera": camera, "n": n, "m": m, "w": w, "b": b, "lines": [asdict(line) for line in lines], "summary": summary}

    def picked() -> None:
        if place := st.session_state.get(key, {}).get("start"):
            on_start(*place)

    heard: dict[str, Any] = {"on_start_change": picked, "on_place_change": page_settings.of_component(key)}
    _component(key=key, data=pack(surface, header), **heard)
