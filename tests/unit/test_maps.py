"""The ready maps, their record, and the sentence that answers them."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from stored_results import TINY, rows_of

from rnnkit.charts.how_far import Point, gradient_chart, map_table, share_chart
from rnnkit.engine.trainer import Trainer
from rnnkit.stories.presets import PRESETS
from rnnkit.studies.training_outcome import study
from rnnkit.sweep.maps import MAPS, answer, record

ALL = [c for ready in MAPS.values() for c in ready.sweep.combinations]


def test_every_combination_of_the_ready_maps_is_valid():
    for ready in MAPS.values():
        assert not ready.sweep.refused and ready.sweep.until == "solved"
        assert {c.experiment.replicas for c in ready.sweep.combinations} == {8}
        assert len(ready.sweep.combinations) == len(ready.sweep.variants) * len(ready.sweep.axes["length"])
        assert len(ready.sweep.variants) <= 6 and len({c.experiment for c in ready.sweep.combinations}) == len(
            ready.sweep.combinations
        )


def test_maps_hold_runs_of_the_stories():
    """So that both agree."""
    experiments = {c.experiment for c in ALL}
    for name in ("forgets", "irnn", "lstm-forget-1", "no-omega", "omega"):
        assert PRESETS[name].experiment in experiments, name


def test_the_same_number_of_weights_is_within_two_percent():
    sizes = {}
    for c in MAPS["weights"].sweep.combinations[:: len(MAPS["weights"].sweep.axes["length"])]:
        sizes[c.variant] = Trainer(replace(c.experiment, replicas=1)).params.flat.shape[1]
    assert len(sizes) == 5 and max(sizes.values()) / min(sizes.values()) < 1.02, sizes
    assert min(sizes.values()) >= 10_600 and max(sizes.values()) <= 10_800, "as the text says"


def test_the_weights_of_the_other_map_differ():
    """Else the map above would show nothing new."""
    first = {c.variant: c.experiment for c in MAPS["cells"].sweep.combinations}
    sizes = [Trainer(replace(first[name], replicas=1)).params.flat.shape[1] for name in ("tanh", "LSTM chrono")]
    assert sizes[1] > 3 * sizes[0]


# ---- the record


def test_the_record_has_the_ready_maps_and_nothing_else():
    assert record.known().keys() == {c.experiment.key for c in ALL}, "record anew: " + record.COMMAND
    for c in ALL:
        rows = record.recorded(c.experiment)
        assert [(row.network, row.seed) for row in rows] == [(r, c.experiment.seed + r) for r in range(8)]
        assert all(0 < row.steps <= c.experiment.steps for row in rows)


@pytest.mark.parametrize("variant", ["tanh", "IRNN", "LSTM chrono"])
def test_a_recorded_run_trained_anew_says_the_same(variant):
    """But for the last bits, which other processors round differently."""
    e = next(c.experiment for c in MAPS["cells"].sweep.combinations if (c.variant, c.experiment.length) == (variant, 10))
    *_, outcome = study(e, until="solved")
    rows = record.recorded(e)
    assert (outcome.solved_step >= 0).tolist() == [row.solved_step is not None for row in rows]
    assert outcome.ratio_before == pytest.approx([row.ratio_before for row in rows], rel=1e-3)


def test_the_record_says_when_and_how_it_was_made():
    day, how = record.origin()
    assert len(day) == 10 and how.startswith(record.COMMAND) and "torch" in how


def test_a_record_is_read_as_it_was_written(tmp_path, monkeypatch):
    rows = rows_of(TINY) + rows_of(TINY, solved=False, accuracy=math.nan)
    record.write({"a": rows, "b": rows[:1]}, tmp_path / "maps.json")
    monkeypatch.setattr(record, "FILE", tmp_path / "maps.json")
    record.known.cache_clear()
    try:
        assert str(record.known()) == str({"a": rows, "b": rows[:1]})
    finally:
        record.known.cache_clear()
    assert len((tmp_path / "maps.json").read_text("utf-8").splitlines()) == 4, "a line for each run"
    assert json.loads((tmp_path / "maps.json").read_text("utf-8"))["date"]


# ---- the answer


@pytest.mark.parametrize(
    ("shares", "text"),
    [
        ({}, ""),
        ({"a": {}}, ""),
        ({"a": {10: 1.0, 20: 0.5}}, "a stops between 10 and 20 words."),
        ({"a": {10: 0.51, 20: 0.0, 50: 0.0}}, "a stops between 10 and 20 words."),
        ({"a": {20: 1.0, 10: 1.0}}, "a still learns at 20 words."),
        ({"a": {10: 0.5, 20: 0.0}}, "a does not learn at 10 words."),
        ({"a": {10: 1.0, 20: 0.1, 50: 0.9}}, "a stops between 10 and 20 words (and learns again at 50)."),
        (
            {"c": {10: 1.0, 20: 1.0}, "a": {10: 1.0, 20: 0.0}, "b": {10: 1.0, 20: 1.0}, "d": {10: 0.0, 20: 0.0}},
            "d does not learn at 10 words; a stops between 10 and 20; c and b still learn at 20.",
        ),
        ({"a": {10: 1.0}, "b": {10: 1.0}, "c": {10: 1.0}}, "a, b and c still learn at 10 words."),
        ({"a": {10: 1.0, 20: 1.0}, "b": {10: 1.0}}, "b still learns at 10 words, a at 20."),
        (
            {"a": {10: 1.0, 20: 1.0, 50: 0.0}, "b": {10: 1.0, 20: 0.0}, "c": {10: 1.0, 20: 0.0}},
            "b and c stop between 10 and 20 words, a between 20 and 50.",
        ),
    ],
)
def test_the_answer_says_what_the_rows_show(shares, text):
    assert answer(shares) == text


# ---- the charts


def point(**changes):
    values = {"id": "x", "variant": "a", "length": 10, "networks": 8, "solved": 4, "low": 0.2, "high": 0.8, "solved_step": 50.0}
    return Point(**values | {"ratio": 1e-3, "trained": True, "origin": "trained here"} | changes)


def test_the_table_has_a_row_a_point_and_equal_points_do_not_hide_each_other():
    points = [point(), point(id="y", variant="b"), point(id="z", ratio=1e-30, solved=0, solved_step=math.nan, length=20)]
    table = map_table(points, ("a", "b"))
    assert list(table["id"]) == ["x", "y", "z"] and list(table["share"]) == [0.5, 0.5, 0.0]
    assert table["x"][0] < 10 < table["x"][1] and abs(table["x"][0] / 10 - 1) < 0.05
    assert list(table["text"]) == ["4 of 8", "4 of 8", "0 of 8"] and table["median"][2] == "–"
    assert table["shown"][2] == 1e-12 and table["left"][2] == "1e-30", "off the axis it stands at its edge, with its number"
    assert np.isnan(map_table([point(ratio=math.nan)], ("a",))["shown"][0])
    assert len(map_table([], ("a",))) == 0


def test_the_charts_are_valid_and_name_the_clicked_point():
    for chart in (share_chart(("a", "b"), (10, 20)), gradient_chart(("a", "b"), (10, 20), "words")):
        spec = chart.to_dict()
        assert [param["name"] for param in spec["params"] if param.get("select")] == ["point"]
        assert spec["width"] == "container"
