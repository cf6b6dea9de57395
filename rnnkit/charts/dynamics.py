"""Charts of studies.eigenvalues and studies.lyapunov: eigenvalues while training, powers of the matrix, Lyapunov exponents."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnkit.charts.style import GREY, GREY_TEXT, INK, VIOLET, WARM, sized, with_fonts
from rnnkit.later import alt, pd
from rnnkit.results.eigenvalues import Eigenvalues
from rnnkit.results.lyapunov import Lyapunov
from rnnkit.rounding import amount, decimals, significant

EDGE = "edge of chaos"
SERIES = {  # of radius_chart: column -> colour, dash, label
    "singular": (VIOLET, (1, 0), "largest singular value"),
    "radius": (INK, (1, 0), "spectral radius"),
}
POWERS = {  # of powers_chart: the same; the first is also the colour of the single vectors
    "median": (WARM, (1, 0), "median"),
    "radius": (INK, (6, 4), "ρᵏ"),
    "singular": (VIOLET, (6, 4), "λ₁ᵏ"),
}
VECTOR = "one x"  # the name of the rows of single vectors
GROWN = 0.005  # log10 of the norm from which on the text says that it grows
BELOW = -1e5  # where a norm of 0 is drawn, in log10: below the axis, so that its line falls out of the chart
HEADROOM = 3  # decades above all vectors in which λ₁ᵏ is drawn, at most
PLANE = 440  # pixels: width and height of the complex plane with its axes


def plane_chart(reach: float, circles: Sequence[float], height: int = PLANE) -> alt.LayerChart:
    """Draws eigenvalues in the complex plane as a specification for the rows "now", "before" and "path" of plane_tables.

    reach: end of both axes. circles: radii, dashed: the unit circle first, then 1/gamma where that is another one.
    """
    look: dict[str, Any] = {"scale": alt.Scale(domain=[-reach, reach], nice=False)}
    axis = alt.Axis(tickCount=5, grid=False)
    x, y = alt.X("re:Q", title="real part", axis=axis, **look), alt.Y("im:Q", title="imaginary part", axis=axis, **look)
    angle = np.linspace(0, 2 * np.pi, 121)
    layers = []
    for radius, colour in zip(circles, (GREY, WARM), strict=False):
        rim = [{"re": radius * np.cos(a), "im": radius * np.sin(a), "i": i} for i, a in enumerate(angle)]
        line = alt.Chart(alt.Data(values=rim)).mark_line(color=colour, strokeDash=[6, 4], strokeWidth=2, clip=True)
        layers.append(line.encode(x, y, order="i:O"))
    tips = [alt.Tooltip("re:Q", title="real", format=".3f"), alt.Tooltip("im:Q", title="imaginary", format=".3f")]
    tips.append(alt.Tooltip("modulus:Q", title="modulus", format=".3f"))
    rows = {name: alt.Chart(alt.NamedData(name)).encode(x, y) for name in ("before", "path", "now")}
    layers.append(rows["before"].mark_point(size=45, color=GREY, opacity=0.8, strokeWidth=1.5, clip=True))
    layers.append(rows["path"].mark_line(color=WARM, strokeWidth=2.5, clip=True).encode(order="step:O"))
    layers.append(rows["now"].mark_circle(size=70, color=INK, opacity=0.9, clip=True).encode(tooltip=tips))
    largest = rows["now"].transform_filter("datum.rank == 0")
    layers.append(largest.mark_circle(size=150, color=WARM, opacity=1, clip=True).encode(tooltip=tips))
    return with_fonts(alt.layer(*layers).properties(height=height, width="container"))


def plane_tables(found: Eigenvalues, i: int) -> dict[str, pd.DataFrame]:
    """Returns the rows of plane_chart: eigenvalues at snapshot i and at the first, and the path of the largest up to i.

    Of a complex pair the one above the real axis is the largest.
    """
    re, im = found.real, np.abs(found.imag[:, 0])
    path = pd.DataFrame({"step": found.steps[: i + 1], "re": re[: i + 1, 0], "im": im[: i + 1]})
    return {"now": _points(found, i), "before": _points(found, 0) if i else _points(found, 0).iloc[:0], "path": path}


def _points(found: Eigenvalues, i: int) -> pd.DataFrame:
    re, im = found.real[i], found.imag[i].copy()
    im[0] = abs(im[0])
    pair = np.flatnonzero(np.isclose(re[1:2], re[0]) & np.isclose(np.abs(im[1:2]), im[0])) + 1
    im[pair] = -im[0]
    return pd.DataFrame({"re": re, "im": im, "modulus": np.hypot(re, im), "rank": np.arange(len(re))})


def plane_reach(found: Eigenvalues, circles: Sequence[float]) -> float:
    """Returns the end of the plane's axes: room for every eigenvalue and the unit circle, not for a far larger circle."""
    largest = float(np.nanmax(np.hypot(found.real, found.imag)))
    reach = max(1.0, largest, *(radius for radius in circles if radius < 2 * max(1.0, largest)))
    return float(np.ceil(1.08 * reach * 4) / 4)


def called(found: Eigenvalues) -> str:
    """Returns the name of the matrix in a sentence."""
    return f"the {found.matrix}" if found.matrix == "mean Jacobian" else found.matrix


def plane_text(found: Eigenvalues, i: int) -> str:
    """The finding of plane_chart."""
    modulus = np.hypot(found.real[i], found.imag[i])
    first = float(np.hypot(found.real[0, 0], found.imag[0, 0]))
    before = f", {significant(first)} before training" if i else ""
    return (
        f"Eigenvalues of {called(found)} in the complex plane after {found.steps[i]:,} training steps: the largest has modulus "
        f"{significant(float(modulus[0]))}{before}; {int((modulus > 1).sum())} of {len(modulus)} lie outside the unit circle."
    )


def radius_chart(steps: int, limit: float = 1.0, height: int = 160) -> alt.LayerChart:
    """Draws spectral radius and largest singular value over training: radius_table and a "cursor"; a rule at `limit`."""
    x = alt.X("step:Q", title="training step", scale=alt.Scale(domain=[0, max(1, steps)], nice=False), axis=alt.Axis(grid=False))
    y = alt.Y("value:Q", title=None, scale=alt.Scale(zero=True))
    colours, _, names = zip(*SERIES.values(), strict=True)
    colour = alt.Color("name:N", scale=alt.Scale(domain=list(names), range=list(colours)), legend=None)
    base = alt.Chart(alt.NamedData("rows")).encode(x, y, colour)
    tips = [alt.Tooltip("step:Q", format=",d"), alt.Tooltip("name:N"), alt.Tooltip("value:Q", format=".4f")]
    rule = (
        alt.Chart(alt.Data(values=[{"value": limit}])).mark_rule(color=GREY, strokeDash=[6, 4], strokeWidth=2).encode(y="value:Q")
    )
    cursor = alt.Chart(alt.NamedData("cursor")).mark_rule(color=GREY, strokeWidth=1.5).encode(x="step:Q")
    dots = base.mark_circle(size=40, opacity=1).encode(tooltip=tips)
    return sized(rule, cursor, base.mark_line(strokeWidth=3), dots, height=height)


def radius_table(found: Eigenvalues) -> pd.DataFrame:
    """Returns the rows of radius_chart: step, name, value."""
    columns = {"singular": found.singular[:, 0], "radius": np.hypot(found.real[:, 0], found.imag[:, 0])}
    tables = [pd.DataFrame({"step": found.steps, "name": SERIES[k][2], "value": v}) for k, v in columns.items()]
    return pd.concat(tables, ignore_index=True)


def powers_chart(steps: int, low: int, high: int, height: int = 240) -> alt.LayerChart:
    """Draws log10 ||x J^k|| over k = 0 ... steps, of powers_table; low, high: ends of the axis, as powers of ten.

    The values are logarithms on a linear axis, since a norm can be beyond the range of a double.
    """
    x = alt.X("k:Q", title="k", scale=alt.Scale(domain=[0, steps], nice=False), axis=alt.Axis(grid=False))
    labels = alt.Axis(tickMinStep=1, tickCount=6, labelExpr="datum.value == 0 ? '1' : '1e' + datum.value")
    y = alt.Y("value:Q", title=None, scale=alt.Scale(domain=[low, high], nice=False), axis=labels)
    base = alt.Chart(alt.NamedData("rows")).encode(x, y)
    colours, dashes, names = zip(*POWERS.values(), strict=True)
    of: dict[str, Any] = {"domain": list(names)}
    named = base.transform_filter(f"datum.name != '{VECTOR}'").encode(
        color=alt.Color("name:N", scale=alt.Scale(range=list(colours), **of), legend=None),
        strokeDash=alt.StrokeDash("name:N", scale=alt.Scale(range=[list(dash) for dash in dashes], **of), legend=None),
    )
    single = base.transform_filter(f"datum.name == '{VECTOR}'").mark_line(color=colours[0], strokeWidth=1, opacity=0.7, clip=True)
    tips = [alt.Tooltip("k:Q"), alt.Tooltip("name:N"), alt.Tooltip("norm:N")]
    dots = named.mark_point(opacity=0, size=80, clip=True).encode(tooltip=tips)
    return sized(single.encode(detail="line:N"), named.mark_line(strokeWidth=3, clip=True), dots, height=height)


def powers_table(found: Eigenvalues, i: int) -> pd.DataFrame:
    """Returns the rows of powers_chart at snapshot i: k, name, line, value (log10) and norm, its text."""
    vectors, lines = found.powers[i], powers_lines(found, i)
    k = np.arange(vectors.shape[1])
    tables = [pd.DataFrame({"k": k, "name": VECTOR, "line": n, "value": v}) for n, v in enumerate(vectors)]
    tables += [pd.DataFrame({"k": k, "name": POWERS[key][2], "line": -1, "value": v}) for key, v in lines.items()]
    rows = pd.concat(tables, ignore_index=True)
    return rows.assign(norm=[_power(v) for v in rows.value], value=rows.value.clip(lower=BELOW))


def powers_lines(found: Eigenvalues, i: int) -> dict[str, np.ndarray]:
    """Returns log10 of the median of the vectors at each k, of rho^k and of lambda_1^k, (K + 1,) each, by the keys of POWERS."""
    k = np.arange(found.powers.shape[2])
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = np.log10([np.hypot(found.real[i, 0], found.imag[i, 0]), found.singular[i, 0]])
        radius, singular = np.where(k > 0, k * rates[:, None], 0.0)  # 0^0 = 1
    return {"median": np.median(found.powers[i], axis=0), "radius": radius, "singular": singular}


def powers_range(found: Eigenvalues) -> tuple[int, int]:
    """Returns the ends of the axis, powers of ten, of all snapshots: room for all lines, for lambda_1^k as far as HEADROOM."""
    lines = [powers_lines(found, i) for i in range(len(found.steps))]
    values = np.concatenate([found.powers.ravel(), *(line["radius"] for line in lines)])
    values = values[np.isfinite(values)]
    top = max(float(line["singular"][-1]) for line in lines)
    high = max(float(values.max()), min(top, float(values.max()) + HEADROOM))
    return min(-1, math.floor(values.min())), max(1, math.ceil(high))


def _power(log: float) -> str:
    """Formats 10^log, also beyond the range of a double."""
    return amount(10.0**log) if abs(log) < 300 else f"1e{log:.0f}" if np.isfinite(log) else "0"


def powers_text(found: Eigenvalues, i: int) -> str:
    """The finding of powers_chart: where the median comes to, and whether it grows first."""
    lines, (_, n, ends) = powers_lines(found, i), found.powers.shape
    median, radius, singular = (_power(float(line[-1])) for line in lines.values())
    peak = int(lines["median"].argmax())
    most, last = float(lines["median"][peak]), float(lines["median"][-1])
    first = f"grows to {_power(most)} at k = {peak}, and " if last < 0 and most > GROWN else ""
    return (
        f"Norm of xJᵏ after {found.steps[i]:,} training steps: the median of {n} random unit vectors x {first}is {median} at "
        f"k = {ends - 1}. There ρᵏ is {radius}, and λ₁ᵏ, the most possible, {singular}."
    )


def exponents_chart(low: float, high: float, height: int = 240) -> alt.LayerChart:
    """Draws Lyapunov exponents by rank, of exponents_table; a rule at 0, the edge of chaos. low, high: ends of the axis."""
    x = alt.X("rank:Q", title="exponent, largest first", axis=alt.Axis(tickMinStep=1, grid=False, format="d"))
    y = alt.Y("value:Q", title="per time step", scale=alt.Scale(domain=[low, high], nice=False))
    sign = alt.condition("datum.value > 0", alt.value(WARM), alt.value(INK))
    tips = [alt.Tooltip("rank:Q"), alt.Tooltip("value:Q", format=".4f"), alt.Tooltip("factor:N", title="factor a step")]
    base = alt.Chart(alt.NamedData("rows")).encode(x, y)
    stems = base.transform_calculate(zero="0").mark_rule(strokeWidth=2, opacity=0.6, clip=True).encode(y2="zero:Q", color=sign)
    dots = base.mark_circle(size=70, opacity=1, clip=True).encode(color=sign, tooltip=tips)
    edge = alt.Chart(alt.Data(values=[{"value": 0, "name": f"0: {EDGE}"}]))
    rule = edge.mark_rule(color=GREY, strokeDash=[6, 4], strokeWidth=2).encode(y="value:Q")
    text = edge.mark_text(align="right", baseline="bottom", dx=-4, dy=-3, fontSize=14, color=GREY_TEXT)
    return sized(stems, dots, rule, text.encode(y="value:Q", x=alt.XValue("width"), text="name:N"), height=height)


def exponents_table(found: Lyapunov) -> pd.DataFrame:
    """Returns the rows of exponents_chart; an exponent of -inf has no row."""
    rows = pd.DataFrame({"rank": np.arange(1, len(found.exponents) + 1), "value": found.exponents})
    rows = rows[np.isfinite(rows.value)]
    return rows.assign(factor=[significant(float(np.exp(v))) for v in rows.value])


def exponents_range(found: Lyapunov) -> tuple[float, float]:
    """Returns the ends of the axis: 0 and the largest are always on it, what is far below the median is not."""
    finite = found.exponents[np.isfinite(found.exponents)]
    if not len(finite):
        return -1.0, 1.0
    low = max(float(finite[-1]), -3 * max(0.5, abs(float(np.median(finite)))))
    reach = max(abs(low), float(finite[0]), 0.1)
    return -float(np.ceil(10 * 1.1 * reach) / 10), max(0.1, float(np.ceil(10 * (float(finite[0]) + 0.15 * reach)) / 10))


def running_chart(steps: int, height: int = 240) -> alt.LayerChart:
    """Draws the estimate of the largest exponent over time steps, for rows of running_table; a rule at 0."""
    x = alt.X("t:Q", title="time steps measured", scale=alt.Scale(domain=[0, steps], nice=False), axis=alt.Axis(grid=False))
    y = alt.Y("value:Q", title=None, scale=alt.Scale(zero=True))
    base = alt.Chart(alt.NamedData("rows")).encode(x, y)
    tips = [alt.Tooltip("t:Q", format=",d"), alt.Tooltip("value:Q", format=".4f")]
    rule = alt.Chart(alt.Data(values=[{"value": 0}])).mark_rule(color=GREY, strokeDash=[6, 4], strokeWidth=2).encode(y="value:Q")
    return sized(
        rule, base.mark_line(color=INK, strokeWidth=3), base.mark_point(opacity=0, size=80).encode(tooltip=tips), height=height
    )


def running_table(found: Lyapunov) -> pd.DataFrame:
    """Returns the rows of running_chart: t, value."""
    return pd.DataFrame({"t": found.t, "value": found.running})


def regime(largest: float) -> str:
    """Returns what the sign of the largest exponent says: states `converge`, `diverge`, or neither within 0.01 a step."""
    if not np.isfinite(largest):
        return "every difference between two states is erased: it is ordered"
    factor = significant(float(np.exp(largest)))
    if abs(largest) < 0.01:
        return f"it is at the {EDGE}: two states that differ a little come no nearer and no farther, a factor of {factor} a step"
    kind = ("diverge", "chaotic") if largest > 0 else ("converge", "ordered")
    return f"two states that differ a little {kind[0]}, by a factor of {factor} a step: it is {kind[1]}"


def exponents_text(found: Lyapunov) -> str:
    """The finding of exponents_chart and running_chart."""
    largest = float(found.exponents[0])
    value = decimals(largest, 3) if np.isfinite(largest) else "−∞"
    return f"Largest Lyapunov exponent {value}: {regime(largest)}. Over {found.steps:,} time steps."
