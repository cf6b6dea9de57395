"""The split of dL/dW_rec by lag, from studies.lag_split."""

from __future__ import annotations

import numpy as np

from rnnkit.charts.style import GREY, INK, VIOLET, sized
from rnnkit.engine.lags import WITHIN, lag_within
from rnnkit.later import alt, pd
from rnnkit.results.lag_split import LagSplit
from rnnkit.rounding import percent

SERIES = {"last": (INK, (1, 0), "of the last loss"), "all": (VIOLET, (1, 0), "of all losses")}  # column -> colour, dash, label


def lag_chart(length: int, low: float, high: float, height: int = 220) -> alt.LayerChart:
    """Draws the shares by lag, from length - 1 on the left to 0 on the right as time goes; rows of lag_table.

    low, high: ends of the axis.
    """
    scale = alt.Scale(domain=[length - 0.5, -0.5], nice=False)
    x = alt.X("lag:Q", title="time steps that it looks back", scale=scale, axis=alt.Axis(tickMinStep=1, grid=False, format="d"))
    shares = alt.Scale(domain=[low, high], nice=False)
    y = alt.Y("share:Q", title=None, scale=shares, axis=alt.Axis(format=".0%", tickCount=5))
    colours, _, names = zip(*SERIES.values(), strict=True)
    colour = alt.Color("name:N", scale=alt.Scale(domain=list(names), range=list(colours)), legend=None)
    tips = [alt.Tooltip("lag:Q"), alt.Tooltip("name:N", title="dL/dW_rec"), alt.Tooltip("share:Q", format=".3")]
    rows = alt.Chart(alt.NamedData("rows")).encode(x, y, colour, tooltip=tips)
    bars = rows.transform_filter(f"datum.name == '{names[0]}'").transform_calculate(a="datum.lag - 0.4", b="datum.lag + 0.4")
    drawn = bars.mark_rect(opacity=0.85, clip=True).encode(alt.X("a:Q", scale=scale), alt.X2("b:Q"), alt.Y2(datum=0))
    line = rows.transform_filter(f"datum.name == '{names[1]}'").mark_line(strokeWidth=3, interpolate="step", clip=True)
    zero = alt.Chart(alt.Data(values=[{"share": 0}])).mark_rule(color=GREY).encode(y="share:Q")
    return sized(drawn, line, zero, height=height)


def lag_range(found: LagSplit) -> tuple[float, float]:
    """Returns the ends of the axis, multiples of 0.05 around 0 and every share."""
    shares = lag_table(found).share.to_numpy()
    shares = shares[np.isfinite(shares)]
    return min(0.0, float(np.floor(20 * shares.min(initial=0)) / 20)), max(0.05, float(np.ceil(20 * shares.max(initial=0)) / 20))


def lag_table(found: LagSplit) -> pd.DataFrame:
    """Returns the rows of lag_chart: lag, name, share."""
    shares = {"last": found.last} | ({} if found.all is None else {"all": found.all})
    tables = [pd.DataFrame({"lag": np.arange(len(v)), "name": SERIES[k][2], "share": v}) for k, v in shares.items()]
    return pd.concat(tables, ignore_index=True)


def lag_text(found: LagSplit) -> str:
    """The finding of lag_chart: `99 % of dL/dW_rec looks back 5 time steps or less` of each series."""
    shares = {"last": found.last} | ({} if found.all is None else {"all": found.all})
    texts = []
    for key, values in shares.items():
        steps = float(lag_within(values[::-1, None])[0])
        what = f" {SERIES[key][2]}" if found.losses != 1 else ""
        texts.append(
            f"{steps:g} time step{'s' * (steps != 1)}{what}" if np.isfinite(steps) else f"nothing{what}: there is no gradient"
        )
    return f"{percent(WITHIN)} of dL/dW_rec looks back at most {' and '.join(texts)}."
