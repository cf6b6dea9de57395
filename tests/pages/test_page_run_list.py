"""The run list on the page Compare: runs come by themselves, are named, drawn together, removed, taken home and brought back."""

import csv
import io
import json
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
from apptest import SMALL, cards, press, prose, state, until
from browsing import PHONE, SIDEWAYS, button, choose, expect, sidebar
from streamlit.proto.WidgetStates_pb2 import WidgetStates

from pages.run_list import table
from pages.state import transport
from pages.state.run_list import RunList
from rnnkit.experiment import Experiment
from rnnkit.export.run_list import MAX_DRAWN, MAX_RUNS, Entry, dump, load

PLAIN = Experiment(length=10, steps=20, replicas=2, seed=60)
LINK = SMALL | {"seed": "60"}
OTHERS = [Entry("one <b>x</b> :red[y] $z$", replace(PLAIN, cell="gru"), True, 0), Entry("two", replace(PLAIN, length=8), True, 2)]


def opened(app, **query):
    """The page, with the run of the link in the run list."""
    return until(app(LINK | query, page="compare"), lambda at: names(at))


def names(at):
    return [field.value for field in at.text_input if field.label == "Name"]


def facts(at):
    return [card["text"] for card in cards(at)]


def drawn(at):
    return [box.value for box in at.checkbox if box.label == "Draw"]


def boxes(at):
    return [box for box in at.checkbox if box.label == "Draw"]


def do(at, i, what):
    return at.menu_button[i].click(what).run()


def bring(at, content, name="rnnkit-run-list.jsonl"):
    uploader = next(uploader for uploader in at.file_uploader if "Download the run list" in uploader.label)
    uploader.set_value([(name, content if isinstance(content, bytes) else content.encode(), "text/plain")]).run()
    assert not at.exception
    return at


def said(at):
    """What was wrong with a file, as the browser gets it."""
    return " ".join(
        block.proto.body for block in at.get("html") if "shelf-said" in block.proto.body and "<ul" in block.proto.body
    )


# ---- without a browser ----


def test_an_empty_shelf_says_how_runs_come_to_it(app):
    at = app(LINK | {"seed": "61"}, page="compare")
    assert not at.exception and "The run list is empty. Press **Train**" in prose(at)
    press(at, "stop")
    press(at, "reset")
    put = at.button(key="shelf_put")
    assert put.label == "Add the present run to the run list"
    put.click().run()
    assert names(at) == ["tanh: agreement, 10 time steps"] and not at.exception
    assert "shelf_put" not in {button.key for button in at.button}


def test_every_trained_run_comes_by_itself_and_tells_what_differs_and_what_came_out(app, pool):
    at = opened(app)
    at.selectbox(key="c_cell").set_value("gru").run()
    press(at, "train")
    until(at, lambda at: len(names(at)) == 2)
    until(at, lambda at: "Drawn together" in prose(at))
    assert names(at) == ["tanh: agreement, 10 time steps", "cell GRU"] and drawn(at) == [True, True]
    assert "With cell tanh." in facts(at)[0] and "With cell GRU." in facts(at)[1]
    assert all("of 2 solved" in text and "at the end" in text for text in facts(at))
    at.number_input(key="c_seed").set_value(3).run()
    assert len(names(at)) == 2, "not trained yet"


def test_renaming_drawing_and_removing(app, pool):
    at = bring(opened(app), dump(OTHERS))
    assert names(at) == ["one <b>x</b> :red[y] $z$", "two", "tanh: agreement, 10 time steps"] and drawn(at) == [True] * 3
    next(f for f in at.text_input if f.value == "two").set_value(" my\u202e # _two_ ").run()
    assert names(at)[1] == "my # _two_"
    boxes(at)[1].uncheck().run()
    assert drawn(at) == [True, False, True]
    run = pool.runs[OTHERS[1].key]
    assert not [viewer for viewer in run.viewers if viewer.endswith("shelf")], "no longer asked for"
    do(at, 1, table.REMOVE)
    assert names(at) == ["one <b>x</b> :red[y] $z$", "tanh: agreement, 10 time steps"] and not at.exception
    for _ in range(2):
        do(at, 0, table.REMOVE)
    assert names(at) == [] and "The run list is empty" in prose(at) and not at.exception


def test_a_name_is_never_markup(app):
    at = bring(opened(app), dump(OTHERS))
    until(at, lambda at: "Drawn together" in prose(at))
    assert "<b>x" not in prose(at) and ":red[" not in prose(at)
    html = " ".join(block.proto.body for block in at.get("html"))
    assert "<b>x" not in html and "one &lt;b&gt;x&lt;/b&gt; :red[y] $z$" in html


def test_open_pin_and_what_leaves(app, pool):
    at = bring(opened(app), dump(OTHERS))
    do(at, 1, table.PIN)
    assert not at.exception and state(at).pinned.experiment == OTHERS[1].experiment
    watched = [pool.runs[entry.key] for entry in OTHERS]
    assert all(any(viewer.endswith("shelf") for viewer in run.viewers) for run in watched)
    at.args = ("stories",)
    at.run()
    assert not any(viewer.endswith("shelf") for run in watched for viewer in run.viewers), "another page has been opened"


def test_a_run_that_is_opened_goes_to_the_lab(app):
    at = bring(opened(app), dump(OTHERS))
    do(at, 0, table.OPEN)
    assert state(at).navigation.heading == "lab" and not at.exception and state(at).experiment == OTHERS[0].experiment


@pytest.mark.parametrize(
    ("content", "kept", "expected"),
    [
        ("", 0, "the file is empty"),
        (b"\x00\x01\xff" * 99, 0, "this is no run list: line 1"),
        (dump(OTHERS)[:-9], 1, "line 3, where the file is cut off"),
        (dump(OTHERS).replace('"version": 1, "runs"', '"version": 3, "runs"'), 2, "expected version 1, got 3"),
        (dump(OTHERS).replace('"gru"', '"<i>gru</i>"'), 1, "line 2: unknown cell &#x27;&lt;i&gt;gru&lt;/i&gt;&#x27;"),
        (dump(OTHERS).replace('"length": 8', '"length": 9000'), 1, "&#x27;two&#x27; was left out: length may be at most"),
        (
            dump([Entry("foreign", replace(PLAIN, task="corpus", length=20, data="0123456789abcdef"))]),
            0,
            "&#x27;foreign&#x27; was left out: what 0123456789abcdef names is not here, or not shared",
        ),
    ],
)
def test_a_bad_file_loses_nothing_and_says_what_is_wrong(app, content, kept, expected):
    at = opened(app)
    before = names(at)
    bring(at, content)
    assert expected in said(at) and not at.exception
    assert len(names(at)) == len(before) + kept and set(before) <= set(names(at))
    assert ("Not all of this file" if kept else "Nothing in this file") in prose(at)
    bring(at, dump(OTHERS))
    assert said(at) == "" and "2 runs were read." in [box.value for box in at.success]


def test_a_busy_browser_that_still_shows_the_rows_from_before_a_file_changes_nothing(app):
    at = opened(app)
    box, field = boxes(at)[0], next(field for field in at.text_input if field.label == "Name")
    box.uncheck()
    before = field.value
    field.set_value("stale")
    old = WidgetStates(widgets=[box._widget_state, field._widget_state])
    box.check()
    field.set_value(before)
    bring(at, dump([replace(OTHERS[0], place=3), Entry("from the file", PLAIN, True, 4)]))
    at._run(old)
    assert not at.exception
    assert names(at) == [OTHERS[0].name, "from the file"] and drawn(at) == [True, True]


def test_a_full_shelf_draws_eight_at_most(app, pool):
    at = opened(app)
    many = [Entry(f"run {seed}", replace(PLAIN, seed=seed, steps=1), True) for seed in range(100, 100 + MAX_RUNS)]
    many = [replace(entry, place=i if i < MAX_DRAWN else None) for i, entry in enumerate(many)]
    bring(at, dump(many))
    assert len(names(at)) == MAX_RUNS and sum(drawn(at)) == MAX_DRAWN
    assert "was left out: the run list holds 24 runs and is full" in said(at)
    assert all(box.disabled != value for box, value in zip(boxes(at), drawn(at), strict=True))
    boxes(at)[0].uncheck().run()
    assert not any(box.disabled for box in boxes(at))


def test_a_run_that_failed_is_told_and_can_be_tried_again(app, pool):
    e = replace(PLAIN, seed=77)
    pool.get(e).error = "out of paper"
    at = bring(opened(app), dump([Entry("failed", e, True, 1)]))
    assert "The training stopped: out of paper." in facts(at)[0]
    at.button(key=f"shelf_again_{e.key}").click().run()
    until(at, lambda at: "of 2 solved" in facts(at)[0])


def test_what_this_viewer_may_not_have_any_more_is_neither_drawn_nor_given_away(app, monkeypatch):
    at = bring(opened(app), dump(OTHERS))
    until(at, lambda at: "Drawn together" in prose(at))
    seen = []
    monkeypatch.setattr(table, "drawing", lambda mine, runs: seen.append(set(runs)))
    objections = {OTHERS[0].experiment: {"data": "they are not here"}}
    monkeypatch.setattr("pages.state.session.objections", lambda e: objections.get(e, {}))
    at.run()
    assert "Cannot be trained here: they are not here" in facts(at)[0] and boxes(at)[0].disabled
    assert OTHERS[0].key not in seen[-1] and OTHERS[1].key in seen[-1]


def test_it_looks_again_only_while_something_changes(monkeypatch):
    listed, history = RunList([Entry("one", PLAIN, place=0)]), SimpleNamespace(n=5, steps=range(21))
    present = SimpleNamespace(experiment=PLAIN, needs_training=False, viewers={})
    drawn = SimpleNamespace(experiment=PLAIN, done=True, error="", viewers={}, history=history)
    playback = SimpleNamespace(playing=False)
    for name, value in (("run", present), ("playback", playback)):
        monkeypatch.setattr(transport, name, lambda value=value: value)
    monkeypatch.setattr(table, "run_list", lambda: listed)
    runs = {PLAIN.key: drawn}
    assert table._interval(runs) is None
    drawn.done = False
    assert table._interval(runs) == 0.5
    drawn.viewers = dict.fromkeys(range(70))
    assert table._interval(runs) == 2.0
    drawn.error = "out of paper"
    assert table._interval(runs) is None
    playback.playing = True
    assert table._interval(runs) is None
    listed.entries.clear()
    assert table._interval({}) == 0.5, "a run is about to appear"


# ---- in a browser ----


NAMES = ["The <b>gate</b> $x$", "cell LSTM"]


def shelved(page):
    return page.locator(".st-key-shelf_rows .card")


def fields(page):
    return page.get_by_role("textbox", name="Name", exact=True)


def chart(page, what):
    """A chart, whose description names all runs in it with their numbers."""
    return page.locator(f'.st-key-shelf_charts [data-testid=stVegaLiteChart][aria-label^="{what}"]')


def together(page, n):
    expect(page.locator(".st-key-shelf_progress").get_by_text(f"Drawn together: {n} of").first).to_be_visible()
    for what in ("Accuracy over", "Loss over", "Share of the gradient"):
        expect(chart(page, what)).to_be_visible()


def containing(text):
    return re.compile(re.escape(text))


def give(page, path, n=0):
    """The n-th file; after each the uploader is an empty new one."""
    expect(button(page, "Train")).to_be_visible()  # nothing moves any more
    if n == 0:
        page.get_by_text("Load a run list", exact=True).click()
    page.locator(f".st-key-shelf_file{f'-{n}' if n else ''} input[type=file]").set_input_files(path)


def named(page, *names):
    """Waits until these are the names in the run list."""
    expect(fields(page)).to_have_count(len(names))
    for i, name in enumerate(names):
        expect(fields(page).nth(i)).to_have_value(name)


def test_three_runs_end_to_end(server, visit, tmp_path):
    page = visit(server.link("/compare", **SMALL, seed=60))
    expect(shelved(page)).to_have_count(1)
    for n, cell in ((2, "GRU"), (3, "LSTM")):
        choose(page, "Cell", cell, sidebar(page))
        expect(button(page, "Train")).to_be_visible()
        button(page, "Train").click()
        expect(shelved(page)).to_have_count(n)
    together(page, 3)
    for name in ("cell GRU", "cell LSTM"):
        expect(chart(page, "Accuracy over 20 training steps")).to_have_attribute("aria-label", containing(name))
    expect(fields(page).nth(1)).to_have_value("cell GRU")

    fields(page).nth(1).fill("The <b>gate</b> $x$")
    page.keyboard.press("Enter")
    expect(page.locator(".shelf-key").get_by_text("The <b>gate</b> $x$", exact=True)).to_be_visible()
    share = chart(page, "Share of the gradient").first  # the new one stands before the old one until all is drawn
    expect(share).to_have_attribute("aria-label", containing("The <b>gate</b> $x$"))

    page.get_by_role("button", name="Actions").first.click()
    page.get_by_role("menuitem", name="Remove from the run list").click()
    expect(shelved(page)).to_have_count(2)
    together(page, 2)
    named(page, *NAMES)
    before = chart(page, "Accuracy over").get_attribute("aria-label"), page.locator(".shelf-key").inner_html()

    expect(button(page, "Train")).to_be_visible()  # the last one has been shown to its end
    with page.expect_download() as download:
        button(page, "Download the run list").click()
    download.value.save_as(tmp_path / "shelf.jsonl")
    text = (tmp_path / "shelf.jsonl").read_text("utf-8")
    assert [entry.name for entry in load(text)[0]] == NAMES and load(text)[1] == []
    with page.expect_download() as download:
        button(page, "All records as CSV").click()
    download.value.save_as(tmp_path / "all.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "all.csv").read_text("utf-8"))))
    assert len(rows) == 2 * 2 * 21 and {row["run"] for row in rows} == set(NAMES)

    page.reload()  # a new session, to which the tab gives its run list back
    expect(shelved(page)).to_have_count(2)
    named(page, *NAMES)
    page.evaluate("sessionStorage.clear()")
    page.reload()  # as in another tab: of its own run alone, which the link names
    expect(shelved(page)).to_have_count(1)
    expect(fields(page)).to_have_value("LSTM: agreement, 10 time steps")
    together(page, 1)
    give(page, tmp_path / "shelf.jsonl")
    expect(page.get_by_text("2 runs were read.")).to_be_visible()
    together(page, 2)
    named(page, *NAMES)
    expect(chart(page, "Accuracy over")).to_have_attribute("aria-label", before[0])
    assert page.locator(".shelf-key").inner_html() == before[1], "the same lines"

    (tmp_path / "broken.jsonl").write_text(text[: text.index("LSTM") + 60], "utf-8")
    give(page, tmp_path / "broken.jsonl", 1)
    expect(page.locator(".shelf-said")).to_contain_text("line 3, where the file is cut off")
    named(page, *NAMES)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_a_row_is_reached_by_keyboard_and_opens_in_the_lab(server, visit):
    page = visit(server.link("/compare", **SMALL, seed=60))
    expect(shelved(page)).to_have_count(1)
    together(page, 1)
    box = page.get_by_role("checkbox", name="Draw")
    box.focus()
    page.keyboard.press("Space")
    expect(page.get_by_text("Nothing is drawn: tick")).to_be_visible()
    page.keyboard.press("Tab")
    expect(fields(page)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Actions")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("menuitem", name="Open in the lab").click()
    expect(page.get_by_role("heading", name="tanh: agreement, 10 time steps")).to_be_visible()
    page.get_by_role("link", name="Compare", exact=True).click()
    expect(shelved(page)).to_have_count(1)
    expect(box).not_to_be_checked()


def test_on_a_phone_it_does_not_scroll_sideways(server, visit, tmp_path):
    page = visit(server.link("/compare", **SMALL, seed=60), viewport=PHONE, has_touch=True, is_mobile=True)
    expect(shelved(page)).to_have_count(1)
    (tmp_path / "shelf.jsonl").write_text(dump([replace(OTHERS[0], name="n" * 60), OTHERS[1]]), "utf-8")
    together(page, 1)
    give(page, tmp_path / "shelf.jsonl")
    expect(shelved(page)).to_have_count(3)
    together(page, 3)
    assert max(page.evaluate(SIDEWAYS)) <= 0
    assert json.loads((tmp_path / "shelf.jsonl").read_text("utf-8").splitlines()[0])["runs"] == 2
