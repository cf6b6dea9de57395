"""Charts of free running: the first run beside the true numbers, and the error of all runs by the steps ahead."""

from __future__ import annotations

import numpy as np

from rnnkit.charts.style import GREY, INK, WARM, sized
from rnnkit.later import alt, pd
from rnnkit.results.free_run import FreeRun

TRUE_SHOWN = 100  # true steps before the free ones
SMALLEST, LARGEST = 1e-4, 10.0  # errors on the axis, in standard deviations
TRUE, FREE, SAME, MEAN = "true", "its own predictions", "same as the last true number", "the mean of the training part"


def run_chart(found: FreeRun, height: int = 230) -> alt.LayerChart:
    """Draws the first of the numbers that are predicted at once; step 1 is the first free one."""
    step = np.arange(len(found.true)) - (len(found.true) - len(found.free)) + 1
    true = pd.DataFrame({"step": step, "number": found.true[:, 0], "who": TRUE})
    free = pd.DataFrame({"step": step[-len(found.free) :], "number": found.free[:, 0], "who": FREE})
    rows = pd.concat([true[true.step > -TRUE_SHOWN], free])
    low, high = found.true[:, 0].min(), found.true[:, 0].max()
    scale = alt.Scale(domain=[float(1.3 * low - 0.3 * high), float(1.3 * high - 0.3 * low)], nice=False, clamp=True)
    begin = alt.Chart(pd.DataFrame([{"step": 0.5}])).mark_rule(color=GREY, strokeDash=[4, 4]).encode(x="step:Q")
    lines = _lines(rows, alt.Y("number:Q", scale=scale, title="standard deviations"), {TRUE: (GREY, ()), FREE: (INK, ())})
    return sized(begin, lines, height=height)


def error_chart(found: FreeRun, height: int = 230) -> alt.LayerChart:
    """Draws the root mean squared error after 1, 2, ... free steps, beside that of the last true number and of the mean."""
    step = np.arange(len(found.error)) + 1
    errors = {FREE: found.error, SAME: found.same, MEAN: found.mean}
    rows = pd.concat([pd.DataFrame({"step": step, "error": _shown(error), "who": who}) for who, error in errors.items()])
    scale = alt.Scale(type="log", domain=[SMALLEST, LARGEST], nice=False)
    y = alt.Y("error:Q", scale=scale, title="error (NRMSE)", axis=alt.Axis(values=[1e-4, 1e-3, 1e-2, 0.1, 1, 10], format="~g"))
    return sized(_lines(rows, y, {FREE: (INK, ()), SAME: (WARM, (6, 3)), MEAN: (GREY, (2, 3))}), height=height)


def _shown(errors: np.ndarray) -> np.ndarray:
    return np.clip(np.nan_to_num(errors, nan=LARGEST, posinf=LARGEST), SMALLEST, LARGEST)


def _lines(rows: pd.DataFrame, y: alt.Y, series: dict[str, tuple[str, tuple[int, ...]]]) -> alt.Chart:
    names = list(series)
    colour = alt.Color("who:N", scale=alt.Scale(domain=names, range=[c for c, _ in series.values()]), legend=None)
    dash = alt.StrokeDash(
        "who:N", scale=alt.Scale(domain=names, range=[list(d) or [1, 0] for _, d in series.values()]), legend=None
    )
    x = alt.X("step:Q", title="steps since the last true number", scale=alt.Scale(nice=False, zero=False))
    return alt.Chart(rows).mark_line(strokeWidth=2.5).encode(x, y, colour, dash)


def run_text(found: FreeRun) -> str:
    """The finding of run_chart."""
    true, free = (f"{v[:, 0].min():.3g} to {v[:, 0].max():.3g}" for v in (found.true, found.free))
    return (
        f"A free run of {len(found.free)} steps: true numbers from {true}, the network's own predictions from {free} standard "
        "deviations."
    )


def error_text(found: FreeRun) -> str:
    """The finding of error_chart."""
    at = [k for k in (1, 10, 100, 1000) if k < len(found.error)] + [len(found.error)]
    listed = ", ".join(f"{found.error[k - 1]:.2g} after {k}" for k in at)
    return (
        f"Error of free runs by steps ahead, in standard deviations: {listed}; of the last true number {found.same[-1]:.2g}, "
        f"of the mean {found.mean[-1]:.2g}."
    )
