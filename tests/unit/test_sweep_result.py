"""The tables and the chart of a sweep, and its progress on a terminal and in a notebook."""

import io
import sys

import nbclient
import nbformat
import numpy as np
import pandas as pd
import pytest
import vl_convert
from conftest import ROOT

from rnnkit import Experiment, Sweep
from rnnkit.charts.sweep import sweep_table
from rnnkit.corpus import wilson
from rnnkit.sweep import progress
from rnnkit.sweep.combination import Ended
from rnnkit.sweep.progress import SweepProgress, TerminalProgress, duration, progress_of
from rnnkit.sweep.result import SweepResult
from rnnkit.sweep.row import Row

SWEEP = Sweep(
    Experiment(steps=30, replicas=4),
    {"length": [10, 20], "gain": [1, 2]},
    {"tanh": {}, "free": {"fixes": []}},
)


def row(network, solved_step=None, diverged_step=None, ratio=0.5):
    accuracy = np.nan if diverged_step is not None else 1.0 if solved_step is not None else 0.5
    return Row(network, network, solved_step, accuracy, diverged_step, ratio, np.nan, 30, 0.25)


ROWS = [row(0, 12), row(1, 24, ratio=0.0), row(2, None, 7, ratio=np.nan), row(3, ratio=1e-20)]


def result(n=None):
    found = SweepResult(SWEEP.combinations)
    for e in SWEEP.runs[:n]:
        found.add(Ended(e, ROWS))
    return found


def test_the_frame_has_a_row_for_each_combination_and_network():
    table = result().frame()
    assert list(table.columns) == [
        *("variant", "length", "gain", "network", "seed", "solved_step", "accuracy", "diverged_step"),
        *("ratio_before", "ratio_after", "steps", "seconds"),
    ]
    assert len(table) == 8 * 4 and (str(table.solved_step.dtype), str(table.diverged_step.dtype)) == ("Int64", "Int64")
    assert table.solved_step[:4].tolist() == [12, 24, pd.NA, pd.NA] and table.variant.unique().tolist() == ["tanh", "free"]


def test_the_frame_does_not_depend_on_the_order_of_the_runs():
    other = SweepResult(SWEEP.combinations)
    for e in reversed(SWEEP.runs):
        other.add(Ended(e, ROWS))
    assert other.frame().equals(result().frame()) and other.summary().equals(result().summary())


def test_the_summary_counts_networks_and_gives_wilsons_interval():
    table = result().summary()
    assert len(table) == 8
    first = table.iloc[0]
    assert (first.variant, first.length, first.gain, first.networks, first.solved, first.diverged) == ("tanh", 10, 1, 4, 2, 1)
    assert (first.share, first.low, first.high) == (0.5, *wilson(2, 4))
    assert (first.solved_step, first.seconds) == (18.0, 1.0)
    assert first.ratio_before == pytest.approx((1e-20 + 0.5) / 2), "the median of 0, 1e-20, .5 and NaN, which counts as the worst"
    assert first.accuracy == 0.75 and np.isnan(first.ratio_after)


def test_an_axis_of_remedies_is_text_in_tables():
    sweep = Sweep(Experiment(replicas=1), {"fixes": [[], ["clip-norm:1", "omega:0.5"]]})
    found = SweepResult(sweep.combinations)
    for e in sweep.runs:
        found.add(Ended(e, [row(0)]))
    assert found.summary().fixes.tolist() == ["none", "clip-norm:1.0,omega:0.5"]
    assert found.chart().to_dict()


def test_what_has_not_ended_has_no_row_and_is_missing():
    part = result(3)
    assert len(part.summary()) == 3 and len(part.missing) == 5 and part.counts == "3 of 8 runs are done"
    part.add(Ended(SWEEP.runs[3], [], "out of memory"))
    part.add(Ended(SWEEP.runs[4], ROWS, stored=True))
    assert part.counts == "4 of 8 runs are done, 1 of them from the store, 1 failed" and len(part.missing) == 3
    empty = SweepResult(SWEEP.combinations)
    assert len(empty.frame()) == len(empty.summary()) == 0 and "seconds" in empty.frame()
    assert empty.chart().to_dict(), "before the first run has ended"


def test_the_chart_has_a_line_for_each_variant_and_each_value_of_the_other_axes():
    table = sweep_table(result().summary(), "length", ["gain"])
    assert table.line.unique().tolist() == ["tanh, gain 1", "tanh, gain 2", "free, gain 1", "free, gain 2"]
    chart = result().chart().to_dict()
    upper, lower = chart["vconcat"]
    x = {layer["encoding"]["x"]["scale"]["type"] for part in (upper, lower) for layer in part["layer"]}
    assert x == {"log"}, "the same axis in both"
    drawn = vl_convert.vegalite_to_svg(chart)
    assert drawn.count('aria-roledescription="line mark"') in (0, 8) and "Share of networks that learn" in drawn
    by_gain = result().chart("gain").to_dict()
    assert by_gain["vconcat"][0]["layer"][0]["encoding"]["x"]["scale"]["type"] == "linear"


def test_a_ratio_off_the_axis_stands_at_its_edge_and_keeps_its_number():
    found = SweepResult(Sweep(Experiment(replicas=2), {"length": [10]}).combinations)
    found.add(Ended(found.combinations[0].experiment, [row(0, ratio=0.0), row(1, ratio=0.0)]))
    (drawn,) = sweep_table(found.summary(), "length").to_dict("records")
    assert (drawn["shown"], drawn["ratio"]) == (1e-12, 0.0)


def test_a_chart_over_what_is_no_axis_is_refused():
    with pytest.raises(ValueError, match="x must be one of length, gain, got 'hidden'"):
        result().chart("hidden")


# ---- progress


class Clock:
    now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_the_time_left_counts_what_was_trained_now(clock):
    bar = SweepProgress(SWEEP.runs)
    assert bar.text == "0 of 8 runs" and bar.share == 0
    bar.add(Ended(SWEEP.runs[0], ROWS, stored=True))
    assert bar.text == "1 of 8 runs", "nothing is known of the speed yet"
    clock.now = 30
    bar.add(Ended(SWEEP.runs[1], ROWS))
    left, done = (sum(map(progress.estimated_seconds, runs)) for runs in (SWEEP.runs[2:], SWEEP.runs[1:2]))
    assert bar.text == f"2 of 8 runs, {duration(30 * left / done)} left"
    for e in SWEEP.runs[2:]:
        bar.add(Ended(e, ROWS))
    assert bar.text == "8 of 8 runs" and bar.share == 1


@pytest.mark.parametrize(("seconds", "text"), [(0.04, "0.0 s"), (3.21, "3.2 s"), (40, "40 s"), (600, "10 min"), (9000, "2.5 h")])
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_the_kind_of_progress_is_that_of_the_place(monkeypatch):
    assert type(progress_of([], quiet=True)) is SweepProgress
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert type(progress_of([])) is SweepProgress
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert type(progress_of([])) is TerminalProgress


def test_a_notebook_shows_a_bar_without_widgets(monkeypatch):
    """In a real kernel."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("RNNKIT_STORE", "off")
    code = (
        "from rnnkit import Experiment, Sweep\nfrom rnnkit.sweep.executors import InProcess\n"
        "e = Experiment(length=7, hidden=4, batch=4, steps=4, replicas=2)\n"
        "Sweep(e, {'length': [3, 7, 8]}, {'<b>': {}}).run(executor=InProcess()).frame().shape"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbclient.NotebookClient(notebook, timeout=120).execute()
    shown, found = notebook.cells[0].outputs
    assert shown.data["text/html"].startswith(
        '<progress value="1.0000" max="1"></progress> 2 of 2 runs<div>not run: &lt;b&gt;, length 3'
    )
    assert found.data["text/plain"] == "(4, 11)"
