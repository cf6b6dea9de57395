"""Small pictures of the glossary as SVG, computed from the equations that they show.

Their colours are those of all charts, with a contrast of 3 on white and on near-black. They hold no words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from urllib.parse import quote

import numpy as np

from rnnkit.charts.style import GREY, INK, WARM

WIDTH, HEIGHT, EDGE = 120, 52, 7
ROOT = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">'


@dataclass(frozen=True)
class Picture:
    """A drawing and its description."""

    about: str
    draw: Callable[[], str]

    @cached_property
    def svg(self) -> str:
        """Returns the picture as an SVG document."""
        return f"{ROOT}{self.draw()}</svg>"

    @property
    def address(self) -> str:
        """Returns the picture as a data URI, which Markdown and HTML show."""
        return f"data:image/svg+xml,{quote(self.svg)}"


# ---- shapes ----


def _line(points: Sequence[tuple[float, float]], colour: str = INK, width: float = 2.5, dash: str = "") -> str:
    """Returns a line through points of the picture."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"{dashed}/>'


def _curve(y: np.ndarray, low: float, high: float, colour: str = INK, width: float = 2.5, dash: str = "") -> str:
    """Returns values at equal distances as a line; `low` is the lower edge of the picture, `high` the upper one."""
    x = np.linspace(EDGE, WIDTH - EDGE, len(y))
    heights = HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (np.clip(y, low, high) - low) / (high - low)
    return _line(list(zip(x.tolist(), heights.tolist(), strict=True)), colour, width, dash)


def _dot(x: float, y: float, colour: str = GREY, radius: float = 4) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}"/>'


def _box(x: float, y: float, w: float, h: float, colour: str, opacity: float = 1) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" fill="{colour}" fill-opacity="{opacity:.2f}"/>'


def _arrow(x: float, y: float, to_x: float, to_y: float, colour: str = WARM, width: float = 2.5) -> str:
    """Returns an arrow with its head at (to_x, to_y)."""
    way = np.array([to_x - x, to_y - y])
    way = way / np.linalg.norm(way)
    across, foot = np.array([-way[1], way[0]]), np.array([to_x, to_y]) - 7 * way
    head = [tuple(foot + 4 * across), (to_x, to_y), tuple(foot - 4 * across)]
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in head)
    return _line([(x, y), (float(foot[0]), float(foot[1]))], colour, width) + f'<polygon points="{points}" fill="{colour}"/>'


STEPS = np.linspace(EDGE + 4, WIDTH - EDGE - 4, 8)  # the places of the time steps of a sequence


def _steps(colours: Mapping[int, str], y: float = HEIGHT / 2) -> str:
    return "".join(_dot(x, y, colours.get(t, GREY)) for t, x in enumerate(STEPS))


# ---- the pictures ----


def _powers(*factors: tuple[float, str]) -> str:
    back = np.arange(20)[::-1]
    return "".join(_curve(np.log10(g**back), -3, 3, colour) for g, colour in factors)


def _back() -> str:
    arrows = "".join(_arrow(b - 4, 34, a + 4, 34) for a, b in pairwise(STEPS))
    return _steps({7: INK}, 18) + arrows


def _training_step() -> str:
    rows = [_box(EDGE, EDGE + 8 * i, WIDTH - 2 * EDGE, 6, INK if i == 2 else GREY, 1 if i == 2 else 0.45) for i in range(5)]
    return "".join(rows)


def _jacobian() -> str:
    cells = np.abs(np.random.default_rng(1).normal(size=(4, 4)))
    boxes = [_box(44 + 8 * j, 10 + 8 * i, 7, 7, INK, 0.2 + 0.8 * v / cells.max()) for (i, j), v in np.ndenumerate(cells)]
    return _arrow(116, 26, 84, 26) + "".join(boxes) + _arrow(36, 26, 18, 26, width=1.5)


def _saturation() -> str:
    a = np.linspace(-4, 4, 81)
    parts = [(0, 25, WARM), (24, 57, INK), (56, 81, WARM)]
    x = np.linspace(EDGE, WIDTH - EDGE, 81)
    y = HEIGHT / 2 - (HEIGHT / 2 - EDGE) * np.tanh(a)
    return "".join(_line(list(zip(x[i:j].tolist(), y[i:j].tolist(), strict=True)), colour, 3) for i, j, colour in parts)


def _spectrum() -> str:
    W = np.random.default_rng(0).normal(size=(24, 24)) / np.sqrt(24)
    values = np.linalg.eigvals(W)
    radius, scale = np.abs(values).max(), 20 / np.abs(values).max()
    largest = int(np.abs(values).argmax())
    dots = [_dot(60 + scale * v.real, 26 + scale * v.imag, WARM if i == largest else INK, 2) for i, v in enumerate(values)]
    circle = f'<circle cx="60" cy="26" r="{scale * radius:.1f}" fill="none" stroke="{GREY}" stroke-width="1.5"/>'
    return circle + "".join(dots)


def _stretch() -> str:
    around = np.linspace(0, 2 * np.pi, 61)
    unit = np.stack([np.cos(around), np.sin(around)], 1)
    u, s, v = np.linalg.svd(np.array([[1.5, 0.6], [-0.2, 0.6]]))
    shape, longest = unit @ (u * s @ v), s[0] * v[0]
    circle = _line([(60 + 13 * a, 26 + 13 * b) for a, b in unit], GREY, 1.5, "3 3")
    ellipse = _line([(60 + 13 * a, 26 + 13 * b) for a, b in shape])
    return circle + ellipse + _arrow(60, 26, 60 + 13 * float(longest[0]), 26 + 13 * float(longest[1]))


def _rotation() -> str:
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) * 12.0
    c, s = np.cos(0.5), np.sin(0.5)
    turned = corners @ np.array([[c, s], [-s, c]])
    left = _line([(30 + a, 26 + b) for a, b in corners], GREY)
    return left + _arrow(50, 26, 70, 26) + _line([(93 + a, 26 + b) for a, b in turned])


def _identity() -> str:
    return "".join(
        _box(40 + 8 * j, 6 + 8 * i, 7, 7, INK if i == j else GREY, 1 if i == j else 0.25) for i in range(5) for j in range(5)
    )


def _gate() -> str:
    way = _arrow(EDGE, 20, WIDTH - EDGE, 20, INK)
    return (
        way
        + _dot(48, 20, WARM, 6)
        + _arrow(48, 46, 48, 28, WARM, 1.5)
        + _dot(82, 20, GREY, 6)
        + _arrow(82, 46, 82, 28, GREY, 1.5)
    )


def _chrono() -> str:
    t = np.arange(50)
    usual, chrono = 1 / (1 + np.exp(-1.0)), 1 - 1 / 50  # the forget gates of a bias of 1, and of log(50 - 1)
    return _curve(usual**t, 0, 1, GREY, dash="4 3") + _curve(chrono**t, 0, 1)


def _reservoir() -> str:
    rng = np.random.default_rng(4)
    nodes = np.stack([rng.uniform(22, 74, 9), rng.uniform(9, 43, 9)], 1).tolist()
    pairs = [(0, 3), (3, 6), (6, 1), (1, 4), (4, 7), (7, 2), (2, 5), (5, 8), (8, 0), (3, 7), (1, 8)]
    edges = "".join(_line([nodes[a], nodes[b]], GREY, 1) for a, b in pairs)
    fitted = "".join(_line([node, (108, 26)], INK, 1) for node in nodes[::2])
    return edges + fitted + "".join(_dot(x, y, GREY, 3) for x, y in nodes) + _dot(108, 26, INK, 5)


def _clipping() -> str:
    circle = f'<circle cx="40" cy="34" r="17" fill="none" stroke="{GREY}" stroke-width="1.5" stroke-dasharray="3 3"/>'
    way = np.array([68.0, -28.0])
    end = np.array([40, 34]) + way
    cut = np.array([40, 34]) + 17 * way / np.linalg.norm(way)
    return circle + _arrow(40, 34, float(end[0]), float(end[1]), GREY, 1.5) + _arrow(40, 34, float(cut[0]), float(cut[1]), INK, 3)


def _truncation() -> str:
    cut = float(STEPS[3] + STEPS[4]) / 2
    bar = _line([(cut, 6), (cut, 46)], WARM, 3)
    return _steps({7: INK}, 18) + bar + _arrow(float(STEPS[7]), 36, cut + 3, 36)


def _omega() -> str:
    back = np.arange(20)[::-1]
    return _curve(np.log10(0.8**back), -2.5, 1, GREY, dash="4 3") + _curve(np.log10(0.99**back), -2.5, 1)


PICTURES: Mapping[str, Picture] = {
    "sequence": Picture("T points in a row", lambda: _steps(dict.fromkeys(range(8), INK))),
    "time-step": Picture("A row of points, one of them marked", lambda: _steps({4: INK})),
    "training-step": Picture("Rows below each other, one of them marked", _training_step),
    "profile": Picture("A curve that falls from right to left", lambda: _powers((0.75, INK))),
    "back": Picture("Arrows from each point of a row to the one before it", _back),
    "jacobian": Picture("An arrow that becomes shorter behind a matrix", _jacobian),
    "vanishing": Picture("Powers of 0.75 on a logarithmic scale fall to the left", lambda: _powers((1, GREY), (0.75, INK))),
    "exploding": Picture("Powers of 1.35 on a logarithmic scale grow to the left", lambda: _powers((1, GREY), (1.35, WARM))),
    "gain": Picture("Powers of 0.75, 1 and 1.35 to the left", lambda: _powers((0.75, INK), (1, GREY), (1.35, WARM))),
    "saturation": Picture("tanh, flat at both ends", _saturation),
    "spectrum": Picture("Eigenvalues of a random matrix, and a circle through the farthest", _spectrum),
    "stretch": Picture("A circle that a matrix makes an ellipse, with its longest radius", _stretch),
    "rotation": Picture("A square, and the same square turned", _rotation),
    "identity": Picture("A matrix with a diagonal of ones", _identity),
    "gate": Picture("A line with two gates: one multiplies, one adds", _gate),
    "chrono": Picture("Memory over 50 steps: with a bias of 1 it is gone at once, with chrono it lasts", _chrono),
    "reservoir": Picture("A random network, and lines from it to one output", _reservoir),
    "clipping": Picture("A long arrow, shortened to the radius of a circle", _clipping),
    "truncation": Picture("An arrow back along a row of points, which ends at a bar", _truncation),
    "omega": Picture("A curve that falls to the left, and one that hardly does", _omega),
    "agreement": Picture("A row of points: the second and the last have the same colour", lambda: _steps({1: INK, 7: INK})),
    "attractor": Picture(
        "A row of points: between the second and the last one has another colour", lambda: _steps({1: INK, 4: WARM, 7: INK})
    ),
}
