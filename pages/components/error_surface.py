"""The cliff: an error surface in three dimensions and its map from above, with paths of gradient descent on both.

A Streamlit component: `error_surface.js` handles input, `error_surface_draw.js` draws, `error_surface.css` styles. Height and
colour are the error. On each path a ball goes from step to step when the drawing comes into sight, when the paths change, and
with Play. Where a viewer wants reduced motion, the whole paths are shown until Play, and the balls jump from step to step.

A frame (frame_codec.py) holds w, b, error and norm of the gradient, each float32 (m, n), of a mesh whose columns are straight and
whose rows need not be.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pages.components.drawing import drawing
from pages.components.frame_codec import encode
from pages.state import page_settings, widgets

HTML = """
<div class="cliff">
  <div class="views">
    <figure class="solid" tabindex="0" role="application" aria-roledescription="surface"><canvas></canvas></figure>
    <figure class="map" tabindex="0" role="application" aria-roledescription="map">
      <canvas></canvas><div class="tip" hidden></div>
    </figure>
  </div>
  <div class="legend">
    <button class="play" type="button">Play</button>
    <span class="paths"></span>
    <span class="scale"><span class="title">error</span><span class="bar"></span></span>
  </div>
</div>
"""

_component = drawing(
    "rnnkit_cliff",
    ("drawing.js", "frame_codec.js", "numbers.js", "place.js", "error_surface.js", "error_surface_draw.js"),
    HTML,
    "error_surface.css",
)
CAMERA = {"turn": 2.62, "tilt": 0.66}  # at first, in radians
PLACE = {
    "exploding_turn": page_settings.Number(0.0, 6.29),
    "exploding_tilt": page_settings.Number(0.15, 1.45),
}  # settings of the page


@dataclass(frozen=True)
class Line:
    """A path to draw: points, gradient norms, colour, text of the legend, and text at the point where it leaves the picture."""

    w: list[float]
    b: list[float]
    norm: list[float]
    colour: str
    name: str
    away: str


def pack(surface: np.ndarray, header: dict[str, Any]) -> bytes:
    """Returns one frame as bytes."""
    return encode(header, **dict(zip(("w", "b", "error", "norm"), surface.astype(np.float32), strict=True)))


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
    header = {"camera": camera, "n": n, "m": m, "ranges": (w, b), "lines": [asdict(line) for line in lines], "summary": summary}

    def picked() -> None:
        if place := widgets.value(key, {}).get("start"):
            on_start(*place)

    callbacks: dict[str, Any] = {"on_start_change": picked, "on_place_change": page_settings.of_component(key)}
    _component(key=key, data=pack(surface, header), **callbacks)
