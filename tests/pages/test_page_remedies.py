"""What repairs it? The page with small panels in this process, and the real one in Chromium."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from apptest import prose, until
from browsing import PHONE, PIXELS, SIDEWAYS, button, expect
from browsing import until as wait_for

from pages import remedies
from pages.components import small_multiples
from pages.components.small_multiples import pack
from pages.state import browser_history
from rnnkit import glossary
from rnnkit.engine.history import WORST, median
from rnnkit.experiment import Experiment
from rnnkit.serving.run import Run
from rnnkit.stories.presets import Claim
from rnnkit.stories.remedies import IDEAS, PANELS, Panel, Remedy

TINY = Experiment(length=8, steps=10, replicas=2, hidden=4, batch=4, fixes=())
BLOWN = replace(TINY, cell="relu", init="identity", gain=60.0, optimizer="sgd", lr=100.0, hidden=16)
KEYS = ("key", "outcome", "status", "networks", "n", "text", "details", "actions")


def panel(title, **experiments):
    rows = {name: Remedy(IDEAS[name], e, Claim(part="c" if e.cell == "lstm" else "h")) for name, e in experiments.items()}
    return Panel(title, f"The text of {title}.", rows)


@pytest.fixture
def small(monkeypatch):
    """Two panels that are trained in a moment, with the names of real ideas."""
    panels = {
        "vanishing": panel("Vanishing", plain=TINY, truncate=replace(TINY, fixes=("truncate:3",))),
        "exploding": panel(
            "Exploding", plain=BLOWN, gru=replace(TINY, cell="gru"), **{"lstm-chrono": replace(TINY, cell="lstm")}
        ),
    }
    monkeypatch.setattr(remedies, "PANELS", panels)
    return panels


@pytest.fixture
def shown(monkeypatch):
    """What the table was given, newest last."""
    seen = []

    def table(rows, codes, heads, key, actions):
        assert pack(rows, codes, heads), "it can be sent"
        seen.append((rows, codes, actions))

    monkeypatch.setattr(remedies, "multiples", table)
    return seen


def done(at):
    return bool(at.success)


# ---- without a browser ----


def test_it_trains_by_itself_and_says_what_came_out(app, small, shown):
    at = app(page="remedies")
    assert not at.exception and small["vanishing"].text in prose(at)
    assert "The same in all rows: agreement, 8 time steps, 4 sentences a training step, 2 networks" in prose(at)
    assert {row["key"] for row in shown[0][0]} == {"plain", "truncate"}, "all rows are there from the start"
    until(at, done)
    plain, cut = shown[-1][0]
    assert plain["outcome"] == cut["outcome"] == "not learnt" and plain["status"] == "done"
    assert glossary.marked("**Not learnt**: Plain network · Truncated backpropagation.") in at.success[0].value
    assert cut["text"]["arrives"] == "exactly 0 (cut) → exactly 0 (cut)" and "cut" not in plain["text"]["arrives"]
    assert cut["text"]["differs"] == "only: truncated backpropagation 3"
    assert [what for what, _ in cut["actions"]] == ["open", "compare"] and [what for what, _ in plain["actions"]] == ["open"]
    for row, codes in zip(*shown[-1][:2], strict=True):
        assert codes.shape == (row["n"], 8) and row["n"] == len(row["grid"]) == 11


def test_the_other_panel_and_what_becomes_nan(app, small, shown):
    at = app(page="remedies")
    at.segmented_control(key="remedies_panel").set_value("exploding").run()
    until(at, done)
    blown, gru, lstm = shown[-1][0]
    assert blown["outcome"] == "NaN" and blown["networks"] == ["dead", "dead"] and blown["text"]["tag"] == "NaN: 2 of 2"
    assert "**NaN in at least half**: Plain network." in at.success[0].value
    assert gru["text"]["symbol"] == "of dL/dh" and lstm["text"]["symbol"] == "of dL/dc"
    assert "The heatmap shows dL/dc" in dict(lstm["details"])["Arrives"]


def test_the_rows_on_the_screen_are_first_in_the_queue(app, small, shown, pool, monkeypatch):
    monkeypatch.setattr(remedies, "on_screen", lambda key: ["truncate"] if key == "remedies_vanishing" else [])
    app(page="remedies")
    low = {
        name: [v.low_priority for v in pool.get(remedy.experiment).viewers.values()]
        for name, remedy in small["vanishing"].remedies.items()
    }
    assert low == {"plain": [True], "truncate": [False]}


@pytest.mark.parametrize("place", [None, 3, [], {}, {"seen": "plain"}, {"seen": {"a": 1}}])
def test_what_a_browser_says_of_its_screen_is_a_list_or_nothing(monkeypatch, place):
    monkeypatch.setattr(small_multiples.widgets, "value", lambda key, otherwise=None: {"place": place})
    assert small_multiples.on_screen("remedies_vanishing") == []


def test_the_progress_names_what_is_trained_now(app, small, shown, pool, monkeypatch):
    still = pool.get(small["vanishing"].remedies["truncate"].experiment)
    monkeypatch.setattr(Run, "done", property(lambda run: False))
    monkeypatch.setattr(Run, "status", property(lambda run: "training" if run is still else "queued"))
    said = []
    monkeypatch.setattr(remedies.st, "progress", lambda share, text: said.append(text))
    app(page="remedies")
    assert re.search(r"0 of 2 trained.*\. Now: Truncated backpropagation \d+%$", said[0])


def test_the_panel_that_is_left_gives_its_workers_back(app, small, shown, pool):
    at = app(page="remedies")
    runs = [pool.get(remedy.experiment) for remedy in small["vanishing"].remedies.values()]
    assert all(run.viewers for run in runs)
    at.segmented_control(key="remedies_panel").set_value("exploding").run()
    assert not any(run.viewers for run in runs)


def test_the_buttons_load_the_experiment_and_the_plain_one_to_compare_with(app, small, shown, monkeypatch):
    app(page="remedies")
    loaded = []
    monkeypatch.setattr(browser_history, "begin_chapter", lambda e, pinned=None: loaded.append((e, pinned)))
    actions, rows = shown[-1][2], small["vanishing"].remedies
    actions["open"]("truncate")
    actions["compare"]("truncate")
    assert loaded == [(rows["truncate"].experiment, None), (rows["truncate"].experiment, rows["plain"].experiment)]


def test_what_a_small_server_refuses_is_said_and_left_out(app, small, shown, pool, monkeypatch):
    monkeypatch.setattr(pool, "limits", replace(pool.limits, max_batch=4))
    row = small["vanishing"].remedies["truncate"]
    small["vanishing"].remedies["truncate"] = replace(row, experiment=replace(row.experiment, batch=5))
    at = app({"batch": "4"}, page="remedies")
    assert not at.exception and "left out: Truncated backpropagation" in at.warning[0].value
    assert [row["key"] for row in shown[-1][0]] == ["plain"]
    monkeypatch.setattr(pool, "limits", replace(pool.limits, max_batch=1))
    assert not at.run().exception and "left out: Plain network, Truncated backpropagation" in at.warning[0].value


def test_a_run_that_failed_is_told_and_can_be_tried_again(app, small, shown, pool):
    e = replace(small["vanishing"].plain, seed=5)
    small["vanishing"].remedies["plain"] = replace(small["vanishing"].remedies["plain"], experiment=e)
    pool.get(e).error = "out of paper"
    at = app(page="remedies")
    assert "Plain network: the training stopped: out of paper" in at.error[0].value
    assert shown[-1][0][0]["text"]["tag"] == "failed"
    at.button(key="remedies_again_plain").click().run()
    until(at, done)
    assert not at.error


def test_a_frame_that_holds_a_nan_is_refused():
    with pytest.raises(ValueError):
        pack([{"share": float("nan")}], [np.zeros((0, 3), np.uint16)], {})


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
def test_the_tables_median_is_that_of_a_history():
    """A network that is NaN (null) counts as the worst; there is no median where half of them are NaN."""
    rows = np.random.default_rng(0).random((60, 5)).round(2)
    rows[np.random.default_rng(1).random((60, 5)) < 0.4] = np.nan
    cases = [row[:n].tolist() for row, n in zip(rows, np.arange(60) % 5 + 1, strict=True)]
    body = re.search(r"^function median.*?^}", Path("pages/components/small_pictures.js").read_text("utf-8"), re.S | re.M)[0]
    script = f"{body}\nconsole.log(JSON.stringify({json.dumps(cases).replace('NaN', 'null')}.map(median)))"
    found = json.loads(subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True).stdout)
    known = [float(median(np.array([case]), WORST["accuracy"])[0]) for case in cases]
    assert any(np.isnan(known)) and not all(np.isnan(known))
    np.testing.assert_allclose([np.nan if m is None else m for m in found], known)


# ---- in a browser ----


def table(page):
    return page.locator(".multiples")


def line(page, name):
    return table(page).locator(f"tr.row[data-key={name}]")


def begun(page, name):
    """Waits until the first training steps of the row are drawn; what its heatmap looks like."""
    rows = lambda: int(line(page, name).get_attribute("data-rows") or 0)  # noqa: E731
    wait_for(lambda: rows() > 1, f"rows of {name}", wait=lambda s: page.wait_for_timeout(1000 * s))
    return line(page, name).locator(".heat canvas").evaluate(PIXELS)


def test_a_deep_link_shows_all_rows_and_trains_them(server, visit):
    page = visit(server.link("/remedies"))
    expect(page.get_by_role("heading", name="What repairs it?")).to_be_visible()
    expect(table(page).locator("tr.row")).to_have_count(len(PANELS["vanishing"].remedies))
    assert begun(page, "plain")["colours"] > 20, "the heatmap is not blank"
    expect(line(page, "plain").locator(".count")).to_have_text("0 of 8")

    page.get_by_test_id("stSidebar").get_by_text("Exploding", exact=True).click()
    expect(table(page).locator("tr.row")).to_have_count(len(PANELS["exploding"].remedies))
    expect(line(page, "plain")).to_have_attribute("data-outcome", "NaN")
    assert begun(page, "plain")["crimson"] > 100, "NaN has a colour of its own"


def test_a_row_that_is_scrolled_into_view_is_trained_before_those_above(fresh, visit):
    page = visit(fresh.link("/remedies"))
    name = page.locator("tr.row").filter(has_text="GRU chrono").first
    name.scroll_into_view_if_needed()
    key = name.get_attribute("data-key")
    begun(page, key)
    above = list(PANELS["vanishing"].remedies)[6:15]
    assert [int(line(page, other).get_attribute("data-rows")) for other in above].count(0) >= 5, "those above wait"


def test_a_row_unfolds_by_keyboard_and_opens_beside_the_plain_network(server, visit):
    page = visit(server.link("/remedies"))
    name = line(page, "orthogonal").get_by_role("button")
    name.focus()
    page.keyboard.press("Enter")
    expect(name).to_have_attribute("aria-expanded", "true")
    details = table(page).locator("tr.details:visible")
    expect(details).to_contain_text("Saxe, McClelland & Ganguli 2014")
    details.get_by_role("button", name="Compare with the plain network").click()
    expect(page.locator(".heatmap")).to_have_count(2)
    expect(page.get_by_test_id("stMain")).to_contain_text("only: initialization Orthogonal")


def test_sorting_keeps_every_row(server, visit):
    page = visit(server.link("/remedies"))
    begun(page, "plain")
    keys = lambda: [row.get_attribute("data-key") for row in table(page).locator("tr.row").all()]  # noqa: E731
    before = keys()

    def reordered():  # once a row below has more of its gradient left than one above; until then the order stays
        button(page, "in groups").click()
        button(page, "by gradient").click()
        return keys() != before

    wait_for(reordered, "another order", wait=lambda s: page.wait_for_timeout(1000 * s))
    assert sorted(keys()) == sorted(before)
    expect(table(page).locator("tr.heading")).to_have_count(0)
    button(page, "in groups").click()
    assert keys() == before == list(PANELS["vanishing"].remedies)


def test_nothing_scrolls_sideways_on_a_phone(server, visit):
    page = visit(server.link("/remedies"), viewport=PHONE)
    begun(page, "plain")
    line(page, "truncate").click()
    expect(table(page).locator("tr.details:visible")).to_be_visible()
    assert page.evaluate(SIDEWAYS) == [0, 0]
    page.get_by_text("The mathematics").click()
    expect(page.locator(".katex").first).to_be_visible()
    assert page.evaluate(SIDEWAYS) == [0, 0]
