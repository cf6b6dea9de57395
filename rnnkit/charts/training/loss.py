"""The training loss."""

from __future__ import annotations

from rnnkit.charts.training.base import LINES, Curve, last_median, median_network, nan_at_the_end, nan_in_median, trend
from rnnkit.charts.training.layers import EXACT, Table, median_and_range
from rnnkit.engine.history import History
from rnnkit.later import alt
from rnnkit.rounding import amount


def loss_chart(data: Table = None, pinned: Table = None, *, steps: int | None = None, guess: float = 0.6931) -> alt.LayerChart:
    """Draws the training loss of every network, their median and range, and the loss of guessing.

    Columns: step, replica, loss.
    """
    y = {"scale": alt.Scale(domain=[0, 2 * guess], clamp=True, nice=False), "axis": alt.Axis(tickCount=4, title=None)}
    return median_and_range(data, pinned, "loss", y, steps, (("guesser", guess),), EXACT, top=2 * guess)


def _state(h: History, n: int) -> str:
    return f"Training loss: {median_network(h, *last_median(h, h.loss, n))}; a guesser has {amount(h.e.guess_loss)}."


def _finding(h: History) -> str:
    return f"Loss: {trend(h, h.loss, amount)} A guesser has {amount(h.e.guess_loss)}.{nan_at_the_end(h)}"


LOSS = Curve(
    menu="Loss",
    title=lambda e: "**Loss** while training",
    about="Training loss of every network",
    columns={"loss": "loss"},
    chart=loss_chart,
    options=lambda e: {"guess": e.guess_loss},
    state=_state,
    finding=_finding,
    reading=lambda h: f"{LINES}{nan_in_median(h, h.n)} Dashed: the loss of a guesser.",
)
