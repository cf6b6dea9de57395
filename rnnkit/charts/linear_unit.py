"""The loss of one linear unit over its eigenvalue, and over its exponent, from analysis.linear_unit."""

from __future__ import annotations

import numpy as np

from rnnkit.analysis import linear_unit as unit
from rnnkit.charts.style import GREY, VIOLET, WARM, sized
from rnnkit.later import alt, pd
from rnnkit.rounding import amount

COLOURS = dict(zip(unit.TEACHERS, (GREY, VIOLET, WARM), strict=True))
LAMBDA, NU = (0.0, 1.0), (-6.0, 0.5)  # ends of the axes
HIGH, POINTS = 2.0, 1200


def loss_chart(reparametrized: bool, height: int = 300) -> alt.LayerChart:
    """Draws the loss of each teacher, over lambda or, with longer memory on the right, over nu; rows of loss_table."""
    low, high = NU if reparametrized else LAMBDA
    title = "ν of the unit, λ = exp(−exp(ν))" if reparametrized else "λ of the unit"
    scale = alt.Scale(domain=[high, low] if reparametrized else [low, high], nice=False)
    x = alt.X("at:Q", title=title, scale=scale, axis=alt.Axis(grid=False, tickCount=6))
    y = alt.Y("loss:Q", title=None, scale=alt.Scale(domain=[0, HIGH]), axis=alt.Axis(tickCount=4))
    colour = alt.Color("teacher:N", scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())), legend=None)
    rows = alt.Chart(alt.NamedData("rows")).encode(x, y, colour)
    tips = [alt.Tooltip("teacher:N"), alt.Tooltip("lambda:Q", format=".4f"), alt.Tooltip("loss:Q", format=".3f")]
    lines = rows.mark_line(strokeWidth=3, clip=True)
    reader = rows.mark_point(opacity=0, size=60, clip=True).encode(tooltip=tips)
    guess = alt.Chart(alt.Data(values=[{"loss": 1}])).mark_rule(color=GREY, strokeDash=[2, 3]).encode(y="loss:Q")
    return sized(guess, lines, reader, height=height)


def loss_table(reparametrized: bool) -> pd.DataFrame:
    """Returns the rows of loss_chart: at (lambda or nu), lambda, teacher, loss."""
    low, high = NU if reparametrized else LAMBDA
    at = np.linspace(low, high, POINTS) if reparametrized else np.linspace(low, 1 - 1e-4, POINTS)
    lam, of = (unit.eigenvalue(at), unit.normalized_loss) if reparametrized else (at, unit.loss)
    tables = [pd.DataFrame({"at": at, "lambda": lam, "teacher": mu, "loss": of(at, mu)}) for mu in unit.TEACHERS]
    return pd.concat(tables, ignore_index=True)


def loss_text(reparametrized: bool) -> str:
    """The finding of loss_chart: the curvature at each teacher's minimum."""
    of = unit.normalized_curvature if reparametrized else unit.curvature
    values = ", ".join(f"{amount(float(of(mu)))} at {mu:g}" for mu in unit.TEACHERS)
    return f"Curvature at the minimum: {values}."
