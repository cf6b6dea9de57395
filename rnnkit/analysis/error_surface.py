"""The error surface of a recurrent network with a single unit, and gradient descent on it. numpy alone.

Pascanu, Mikolov & Bengio 2013, section 2.3 and figure 6. With sigma the logistic function, x_0 = 0.5 and T = 50 steps,

    x_t = w sigma(x_{t-1}) + b,      E(w, b) = (sigma(x_T) - 0.7)^2.

For w > 4 the unit can have two stable fixed points and an unstable one between them, the border of their basins. Where that
border passes x_0, x_T jumps from one stable point to the other: there the surface has a wall, where the gradient is huge.
Functions of w and b take numbers or arrays that broadcast.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

X0, STEPS, TARGET = 0.5, 50, 0.7


def sigma(x: ArrayLike) -> np.ndarray:
    """Returns 1 / (1 + exp(-x)), without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(x, float)))


def slope(x: ArrayLike) -> np.ndarray:
    """Returns sigma'(x) = sigma(x) sigma(-x), exact also where sigma(x) is rounded to 0 or 1."""
    x = np.asarray(x, float)
    return np.exp(-np.logaddexp(0, x) - np.logaddexp(0, -x))


def forward(w: ArrayLike, b: ArrayLike, steps: int = STEPS) -> tuple[np.ndarray, np.ndarray]:
    """Returns x_T, and (steps + 1, ...) sigma(x_0) ... sigma(x_T)."""
    w, b = np.broadcast_arrays(np.asarray(w, float), np.asarray(b, float))
    x, s = np.full(w.shape, X0), np.empty((steps + 1, *w.shape))
    s[0] = sigma(x)
    for t in range(steps):
        x = w * s[t] + b
        s[t + 1] = sigma(x)
    return x, s


def error(w: ArrayLike, b: ArrayLike, steps: int = STEPS) -> np.ndarray:
    """Returns E(w, b)."""
    return (forward(w, b, steps)[1][-1] - TARGET) ** 2


def gradient(w: ArrayLike, b: ArrayLike, steps: int = STEPS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns E, dE/dw and dE/db, by backpropagation through time.

    dx_T = 2 (sigma(x_T) - 0.7) sigma'(x_T);  dx_{t-1} = dx_t w sigma'(x_{t-1});  dw = sum dx_t sigma(x_{t-1}), db = sum dx_t.
    """
    x, s = forward(w, b, steps)
    dx = 2 * (s[-1] - TARGET) * slope(x)
    dw, db = np.zeros_like(dx), np.zeros_like(dx)
    for t in range(steps, 0, -1):
        dw += dx * s[t - 1]
        db += dx
        dx = dx * w * slope(w * s[t - 2] + b if t > 1 else X0)
    return (s[-1] - TARGET) ** 2, dw, db


def mesh(w: tuple[float, float], b: tuple[float, float], n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns w and b, (m, n) each, of a grid over a rectangle, with the wall between two of its rows.

    For every w, b is evenly spaced below the line b = x_0 - w sigma(x_0), and evenly spaced above. On an even grid the wall
    would be jagged.
    """
    across = np.linspace(*w, n)
    line = np.clip(X0 - across * sigma(X0), *b)
    half = m // 2
    near = 1e-4 * (b[1] - b[0])
    below = np.linspace(b[0], np.maximum(line - near, b[0]), half)
    above = np.linspace(np.minimum(line + near, b[1]), b[1], m - half)
    return np.broadcast_to(across, (m, n)), np.concatenate([below, above])


class Descent(NamedTuple):
    """K paths of gradient descent, n + 1 points each; all arrays (n + 1, K)."""

    w: np.ndarray
    b: np.ndarray
    error: np.ndarray
    norm: np.ndarray  # of the gradient at each point, before clipping


def descend(w: ArrayLike, b: ArrayLike, lr: float, steps: int, threshold: ArrayLike = np.inf) -> Descent:
    """Gradient descent with clipping by norm (Pascanu et al. 2013, algorithm 1).

    (w, b) <- (w, b) - lr g, with g <- g threshold / ||g|| where ||g|| > threshold. Starts and thresholds are numbers or arrays
    (K,). An infinite threshold never clips.
    """
    x, y, max_norm = np.broadcast_arrays(*(np.atleast_1d(np.asarray(v, float)) for v in (w, b, threshold)))
    points = []
    for _ in range(steps + 1):
        E, dw, db = gradient(x, y)
        norm = np.hypot(dw, db)
        points.append((x, y, E, norm))
        step = lr * np.minimum(1, max_norm / np.maximum(norm, 1e-300))
        x, y = x - step * dw, y - step * db
    return Descent(*(np.array(column) for column in zip(*points, strict=True)))


def fixed_points(w: float, b: float) -> list[tuple[float, bool]]:
    """Returns the solutions of x = w sigma(x) + b, smallest first, and whether each is stable: |w sigma'(x)| < 1.

    x - w sigma(x) - b increases for w <= 4. For larger w it decreases between the two x with w sigma'(x) = 1. Each monotone
    piece has at most one solution, found by bisection.
    """
    bound = abs(w) + abs(b) + 1  # of |x|
    edges = [-bound, *turning_points(w), bound]
    roots = [_root(w, b, low, high) for low, high in pairwise(edges)]
    return [(x, bool(abs(w * sigma(x) * (1 - sigma(x))) < 1)) for x in roots if x is not None]


def turning_points(w: float) -> list[float]:
    """Returns the two x with w sigma'(x) = 1, where a stable and an unstable fixed point meet; [] for w <= 4."""
    if w <= 4:
        return []
    half = np.sqrt(1 - 4 / w) / 2
    return [float(np.log(s / (1 - s))) for s in (0.5 - half, 0.5 + half)]


def wall(w: ArrayLike) -> np.ndarray:
    """Returns the b at which x_0 is an unstable fixed point: x_0 = w sigma(x_0) + b, w sigma'(x_0) > 1. NaN where none is."""
    w, s = np.asarray(w, float), sigma(X0)
    return np.where(w * s * (1 - s) > 1, X0 - w * s, np.nan)


def saddle_nodes(w: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Returns the two b of the saddle-node bifurcations, where a stable and an unstable fixed point meet; NaN for w <= 4.

    w sigma'(x) = 1 gives s (1 - s) = 1 / w with s = sigma(x), and then b = log(s / (1 - s)) - w s. Between the two b there are
    two stable fixed points, outside there is one.
    """
    w = np.asarray(w, float)
    with np.errstate(invalid="ignore", divide="ignore"):
        half = np.sqrt(1 - 4 / w) / 2
        low, high = (np.log(s / (1 - s)) - w * s for s in (0.5 + half, 0.5 - half))
    return low, high


def _root(w: float, b: float, low: float, high: float) -> float | None:
    """Returns the x between low and high where x - w sigma(x) - b changes its sign; None where it does not."""

    def f(x: float) -> float:
        return float(x - w * sigma(x) - b)

    rises = f(high) > f(low)
    if (f(low) > 0) == (f(high) > 0):
        return None
    for _ in range(200):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if (f(middle) > 0) == rises:
            high = middle
        else:
            low = middle
    return 0.5 * (low + high)


class Branch(NamedTuple):
    """Fixed points along one parameter."""

    at: np.ndarray  # value of the parameter that varies, w or b
    x: np.ndarray
    stable: np.ndarray  # bool, |w sigma'(x)| < 1


def along_w(b: float, x: np.ndarray) -> Branch:
    """Returns the branch of fixed points x over w = (x - b) / sigma(x)."""
    s = sigma(x)
    w = (x - b) / s
    return Branch(w, x, np.abs(w * s * (1 - s)) < 1)


def along_b(w: float, x: np.ndarray) -> Branch:
    """Returns the branch of fixed points x over b = x - w sigma(x)."""
    s = sigma(x)
    return Branch(x - w * s, x, np.abs(w * s * (1 - s)) < 1)
