"""Cards with small pictures of runs: a heatmap of the gradient over training, and the accuracy. Pressing one opens it.

`cards.js` draws, `cards.css` styles. A frame (frame_codec.py) holds of picture i the array `codes<i>`: uint16 (n, T).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pages.components.drawing import drawing
from pages.components.frame_codec import encode
from pages.components.heatmap import CODING
from pages.state import widgets
from rnnkit.stories.pictures import Picture
from rnnkit.stories.remedies.results import Outcome

HTML = '<div class="cards" role="list"></div>'
_component = drawing(
    "rnnkit_cards",
    ("drawing.js", "frame_codec.js", "numbers.js", "viridis.js", "small_pictures.js", "cards.js"),
    HTML,
    "small_pictures.css",
    "cards.css",
)


@dataclass(frozen=True)
class Card:
    """A title, a text, and one picture or two (label, Picture, chance) beside each other."""

    key: str
    title: str
    text: str
    pictures: Sequence[tuple[str, Picture, float]]
    locked: str = ""  # why it cannot be opened


def pack(items: Sequence[Card], curves: bool = True) -> bytes:
    """Returns the cards as one frame. curves: with the accuracy beside each heatmap."""
    arrays = {f"codes{i}": picture.codes for i, (_, picture, _) in enumerate(of for item in items for of in item.pictures)}
    return encode({"coding": CODING, "curves": curves, "cards": [_card(item) for item in items]}, **arrays)


def cards(items: Sequence[Card], *, key: str, on_open: Callable[[str], None], curves: bool = True) -> None:
    """Draws the cards in as many columns as there is room for. Calls `on_open`, before the rerun, with the pressed one's key."""

    def opened() -> None:
        if (name := widgets.value(key, {}).get("open")) in {item.key for item in items if not item.locked}:
            on_open(name)

    _component(key=key, data=pack(items, curves), on_open_change=opened)


def _card(item: Card) -> dict[str, Any]:
    return {
        "key": item.key,
        "title": item.title,
        "text": item.text,
        "locked": item.locked,
        "outcome": item.pictures[-1][1].outcome if item.pictures else "",
        "pictures": [_picture(*of) for of in item.pictures],
    }


def _picture(label: str, picture: Picture, chance: float) -> dict[str, Any]:
    n, length = picture.codes.shape
    return {
        "label": label,
        "said": said(picture),
        "outcome": picture.outcome,
        "n": n,
        "length": length,
        "grid": picture.grid.tolist(),
        "exams": picture.exams.tolist(),
        "accuracy": [[None if np.isnan(a) else round(float(a), 4) for a in of] for of in picture.accuracy.T],
        "chance": chance,
    }


def said(picture: Picture) -> str:
    """Returns what came out in a few words, as `8 of 8 learnt it`."""
    R = picture.accuracy.shape[1]
    if picture.diverged:
        return f"NaN: {picture.diverged} of {R}"
    if picture.outcome == Outcome.OPEN:
        return f"up to step {picture.grid[len(picture.codes) - 1]:,} of {picture.grid[-1]:,}"
    return f"{picture.solved} of {R} learnt it" if picture.solved else picture.outcome
