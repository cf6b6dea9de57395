"""How far? The recorded map, maps that are trained and come back from the store, a viewer's own map, and the page in Chromium."""

import json
import re
import urllib.request
from dataclasses import replace

import pytest
from apptest import prose, state, until, widget
from browsing import PHONE, SIDEWAYS, Server, expect
from ready_pages import chart

from pages import how_far
from pages.state import browser_history, results, variants
from rnnkit.experiment import Experiment
from rnnkit.sweep.maps import MAPS, Map, answer
from rnnkit.sweep.store import Store
from rnnkit.sweep.store_thread import StoreThread
from rnnkit.sweep.sweep import Sweep

TINY = Experiment(hidden=4, batch=4, steps=12, replicas=8)
LAPTOP = {"width": 1366, "height": 768}
LIVE = {"how_far_rows": "live"}


@pytest.fixture
def small(monkeypatch):
    """A ready map that is trained in a moment, with a made-up record of its first variant's runs and none of the second's."""
    sweep = Sweep(TINY, {"length": [7, 9]}, {"tanh": {}, "GRU *a*": {"cell": "gru"}})
    monkeypatch.setattr(how_far, "MAPS", {**MAPS, "cells": Map("Cells", "The text.", sweep)})
    record = {c.experiment: _rows(c.experiment) for c in sweep.combinations}
    monkeypatch.setattr(how_far, "recorded", record.get)
    return sweep


def _rows(e):
    from stored_results import rows_of

    return rows_of(e, solved=e.cell == "tanh" and e.length == 7)


@pytest.fixture
def stored(monkeypatch, tmp_path):
    """Restarts the server's results store, which has a file of this test."""

    def restart():
        thread = StoreThread(lambda: Store(tmp_path / "results.sqlite"))
        monkeypatch.setattr(results, "store", lambda: thread)
        return thread

    restart()
    return restart


@pytest.fixture
def drawn(monkeypatch):
    """The points of each drawing, newest last."""
    seen, table = [], how_far.map_table

    def note(points, names):
        seen.append(points)
        return table(points, names)

    monkeypatch.setattr(how_far, "map_table", note)
    return seen


def open_(app, **query):
    at = app(query, page="how_far")
    assert not at.exception
    return at


def trained(drawn, networks=8):
    """Whether all points have been trained here."""
    return lambda at: not at.progress and drawn and drawn[-1] and all(p.trained and p.networks == networks for p in drawn[-1])


def headline(at):
    return next((text.value for text in at.markdown if text.value.startswith("####")), "")


# ---- the record ----


def test_the_first_paint_is_the_recorded_map_and_nothing_is_trained(app, pool, drawn, stored):
    at = open_(app)
    assert len(drawn[-1]) == len(MAPS["cells"].sweep.combinations) and not any(p.trained for p in drawn[-1])
    shares = {}
    for p in drawn[-1]:
        shares.setdefault(p.variant, {})[p.length] = p.solved / p.networks
    assert headline(at) == f"#### {answer(shares)}" and "stops between" in headline(at)
    assert "recorded on 20" in prose(at) and not at.progress
    assert not any(run.viewers for run in pool.runs.values() if run.experiment.length in MAPS["cells"].sweep.axes["length"][1:4])


def test_every_ready_map_opens(app, pool, drawn, small, stored):
    at = open_(app, how_far_map="cells")
    assert "The text." in prose(at) and [p.variant for p in drawn[-1]] == ["tanh", "tanh", "GRU *a*", "GRU *a*"]
    assert r"GRU \*a\* does not learn at 7 words; tanh stops between 7 and 9." in headline(at)


# ---- training ----


def test_dots_fill_while_it_is_trained_with_other_seeds_and_it_is_stored(app, pool, drawn, small, stored):
    at = open_(app)
    assert not any(p.trained for p in drawn[-1])
    widget(at, "how_far_rows").set_value("live").run()
    until(at, trained(drawn))
    assert len(drawn[-1]) == 4 and all("seeds 8 to 15" in p.origin for p in drawn[-1])
    filled = [sum(p.trained for p in points) for points in drawn]
    assert filled == sorted(filled), "none goes again"
    runs = [replace(c.experiment, seed=8) for c in small.combinations]
    until(at, lambda at: not at.progress)
    assert not any(pool.runs[e.key].viewers for e in runs), "nothing is watched any more"
    assert results.store().wait(30)
    thread = stored()
    assert thread.get(runs, seconds=30)[0].keys() == set(runs)


def test_what_was_trained_once_opens_at_once_after_a_restart(app, pool, drawn, small, stored):
    at = open_(app, **LIVE)
    until(at, trained(drawn))
    before = [p._replace(id="") for p in drawn[-1]]
    assert results.store().wait(30)
    stored()
    for c in small.combinations:
        del pool.runs[replace(c.experiment, seed=8).key]
    drawn.clear()
    at = open_(app, **LIVE)
    until(at, trained(drawn))
    assert [p._replace(id="") for p in drawn[-1]] == before
    assert not any(e.experiment.steps == 12 and e.experiment.seed == 8 for e in pool.runs.values()), "none was trained"


def test_more_networks_are_further_seeds_and_larger_dots(app, pool, drawn, small, stored):
    at = open_(app, **LIVE, how_far_networks="16")
    until(at, trained(drawn, 16))
    assert all("seeds 8 to 23" in p.origin for p in drawn[-1])
    assert any({p.networks for p in points} == {8} for points in drawn) or len(drawn) < 8


def test_what_is_left_gives_its_workers_back(app, pool, drawn, small, stored, monkeypatch):
    e = replace(TINY, length=200, steps=5000, hidden=64)
    slow = Sweep(e, {"length": [200]}, {"tanh": {}})
    monkeypatch.setitem(how_far.MAPS, "cells", Map("Cells", "Slow.", slow))
    at = open_(app, **LIVE)
    run = pool.get(replace(slow.combinations[0].experiment, seed=8))
    until(at, lambda at: run.viewers)
    assert at.progress
    widget(at, "how_far_networks").set_value(8)
    at.segmented_control(key=widget(at, "how_far_map").key).set_value("own").run()
    assert not run.viewers


def test_a_run_that_failed_is_named_and_can_be_tried_again(app, pool, drawn, small, stored):
    e = replace(small.combinations[2].experiment, seed=8)
    pool.get(e).error = "out of <paper>"
    pool.runs[e.key].history.n = 0
    at = open_(app, **LIVE)
    until(at, lambda at: at.error)
    assert r"GRU \*a\*, length 7: the training stopped: out of \<paper\>" in at.error[0].value
    at.button(key=f"how_far_again_{e.key[:8]}").click().run()
    until(at, trained(drawn))
    assert not at.error


def test_points_past_the_limits_are_named_and_left_out(app, pool, drawn, small, stored, monkeypatch):
    monkeypatch.setattr(pool, "limits", replace(pool.limits, max_length=8))
    at = open_(app, length="8", **LIVE)
    assert "tanh, length 9: length may be at most 8 on this server, got 9" in at.warning[-1].value
    until(at, trained(drawn))
    assert {p.length for p in drawn[-1]} == {7}


def test_a_click_opens_the_training_in_the_lab(app, pool, drawn, small, stored, monkeypatch):
    opened = []
    monkeypatch.setattr(browser_history, "begin_chapter", lambda e, pinned=None: opened.append(e))
    open_(app)
    points = {c.experiment.key: c.experiment for c in small.combinations}
    for chosen in ({}, {"selection": {"point": []}}, {"selection": {"point": [{"id": "x"}]}}, {"selection": {"point": [{}]}}):
        monkeypatch.setattr(how_far.widgets, "value", lambda key, default=None, chosen=chosen: chosen)
        how_far._open("chart", points)
    assert opened == []
    e = small.combinations[1].experiment
    monkeypatch.setattr(how_far.widgets, "value", lambda key, default=None: {"selection": {"point": [{"id": e.key}]}})
    how_far._open("chart", points)
    assert opened == [e]


def test_the_charts_say_their_numbers_once_they_are_there(app, pool, drawn, small, stored):
    at = open_(app, **LIVE, how_far_networks="32")
    assert all(chart.text.endswith("by sequence length: being computed") for chart in state(at).charts.values())
    until(at, trained(drawn, 32))
    share, gradient = (chart.text for chart in state(at).charts.values())
    assert share.startswith("Share of networks that learn, by sequence length: tanh ")
    assert all(re.search(rf"{re.escape(name)} \d+ of 32 at 7, \d+ of 32 at 9", share) for name in ("tanh", "GRU *a*"))
    assert re.search(r": tanh [\d.e-]+ at 7, [\d.e-]+ at 9; GRU", gradient)


# ---- a viewer's own map ----


def test_an_own_map_from_a_link(app, pool, drawn, stored):
    texts = [variants.text("plain, *tanh*", TINY), variants.text("GRU", replace(TINY, cell="gru"))]
    query = {"how_far_map": "own", "how_far_runs": ",".join(texts), "how_far_lengths": "8,7"}
    at = open_(app, **query)
    until(at, trained(drawn))
    assert {(p.variant, p.length) for p in drawn[-1]} == {(name, n) for name in ("plain, *tanh*", "GRU") for n in (7, 8)}
    assert all("seeds 0 to 7" in p.origin for p in drawn[-1]) and not at.warning
    assert r"\*tanh\*" in headline(at)


def test_an_own_map_begins_with_the_runs_of_the_list_and_needs_a_length(app, pool, drawn, stored):
    at = open_(app, how_far_map="own", how_far_lengths="7", **{k: str(getattr(TINY, k)) for k in ("hidden", "batch", "steps")})
    until(at, trained(drawn))
    assert [p.length for p in drawn[-1]] == [7] and drawn[-1][0].networks == 8
    drawn.clear()
    widget(at, "how_far_lengths").set_value([]).run()
    assert "Choose at least one run and one length" in at.info[0].value and not drawn


def test_the_runs_of_the_list_are_the_variants_at_most_six(app, pool, drawn, stored):
    at = open_(app, how_far_map="own", how_far_lengths="7", **{k: str(getattr(TINY, k)) for k in ("hidden", "batch", "steps")})
    for n in range(8):
        state(at).run_list.put(replace(TINY, hidden=n + 2, length=20))
    at.run()
    until(at, trained(drawn))
    offered = widget(at, "how_far_runs")
    assert len(offered.options) == 8 and [p.variant for p in drawn[-1]] == offered.options[-6:]
    offered.set_value(offered.value[:2]).run()
    until(at, trained(drawn))
    assert [p.variant for p in drawn[-1]] == offered.options[2:4] and at.query_params["how_far_runs"]


def test_own_points_that_are_not_valid_are_named(app, pool, drawn, stored):
    query = {"how_far_runs": variants.text("tiny", TINY), "how_far_lengths": "3,7"}
    at = open_(app, how_far_map="own", **query)
    assert "tiny, length 3: length must be at least 7 for task" in at.warning[-1].value
    at = open_(app, how_far_map="own", **query | {"how_far_lengths": "3"})
    assert "no combination is valid: tiny, length 3" in at.error[0].value


@pytest.mark.parametrize("e", [Experiment(), replace(TINY, fixes=("omega:2", "clip-norm:1")), Experiment(cell="esn", leak=0.5)])
def test_a_variant_in_a_link_is_read_as_it_was_written(e):
    text = variants.text("a, b & c = d ~ é", e)
    assert "," not in text and variants.is_text(text)
    name, read = variants.read(text)
    assert (name, read) == ("a, b & c = d ~ é", replace(e, length=100, replicas=8, seed=0))


@pytest.mark.parametrize(
    "text", ["", "name=", "cell=gru", "name=a&cell=x", "name=a&length=7", "name=a&b=c", "name=a" * 200, "name=a,b", "name=+a"]
)
def test_other_texts_are_no_variants(text):
    assert not variants.is_text(text)


# ---- in Chromium ----


@pytest.fixture
def server_with_status(browser, tmp_path):
    """A server with a results store of its own that tells which runs it has trained, and how to ask it."""
    server = Server(tmp_path / "log", RNNKIT_STATUS="key", RNNKIT_STORE=str(tmp_path / "results.sqlite"))
    yield server, lambda: json.load(urllib.request.urlopen(server.link("/status.json", key="key"), timeout=30))
    server.kill()


def dots(page):
    return chart(page, "Share of networks that learn").locator(".mark-symbol.role-mark path")


def test_the_map_fills_a_click_opens_the_lab_and_a_second_viewer_sees_it_without_training(server_with_status, visit):
    server, status = server_with_status
    texts = [variants.text("tanh", TINY), variants.text("GRU", replace(TINY, cell="gru"))]
    link = server.link("/how_far", how_far_map="own", how_far_runs=",".join(texts), how_far_lengths="7,9,12")
    page = visit(link, viewport=LAPTOP)
    expect(dots(page)).to_have_count(6)
    answer_box = page.locator(".st-key-how_far_answer")
    expect(answer_box.get_by_role("progressbar")).to_have_count(0)
    expect(answer_box).to_contain_text("48 networks, trained on this server")
    first = answer_box.inner_text()
    bounds = [chart(page, text).first.bounding_box() for text in how_far.READY]
    assert bounds[0]["y"] > 0 and bounds[1]["height"] > 100
    trained = sorted((run["key"], run["rows"]) for runs in status()["runs"].values() for run in runs if run["steps"] == 12)
    assert len(trained) == 6

    second = visit(link, viewport=PHONE)
    expect(dots(second)).to_have_count(6)
    expect(second.locator(".st-key-how_far_answer")).to_contain_text("48 networks, trained on this server")
    assert second.locator(".st-key-how_far_answer").inner_text() == first
    assert second.evaluate(SIDEWAYS) == [0, 0]
    after = status()["runs"]
    assert sorted((run["key"], run["rows"]) for runs in after.values() for run in runs if run["steps"] == 12) == trained
    assert not [run for run in after["training"] + after["queued"] if run["steps"] == 12]

    dots(page).last.click()
    expect(page).to_have_url(re.compile(r"/lab\?.*length=12&.*cell=gru"))
    expect(page.locator(".heatmap[data-rows]")).to_be_visible()
    page.go_back()
    expect(dots(page)).to_have_count(6)


def test_the_default_map_and_its_answer_are_on_the_first_screen(server, visit):
    page = visit(server.link("/how_far"), viewport=LAPTOP)
    expect(dots(page)).to_have_count(30)
    expect(page.locator(".st-key-how_far_answer h4")).to_contain_text("stops between")
    for part in (page.locator(".st-key-how_far_answer"), chart(page, how_far.READY[0]), chart(page, how_far.READY[1])):
        box = part.first.bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= LAPTOP["height"], box
    assert page.get_by_role("progressbar").count() == 0
