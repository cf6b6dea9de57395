"""Links of a lesson: what is hidden, locked or enlarged, the pages' own choices, and the address bar."""

import socket
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest
from apptest import SMALL, buttons, controls, finished, linked, press, progress_text, state, until, verdicts

from pages.state import session, url, view_options
from pages.state.view_options import CONTROLS
from pages.state.viewer_state import View
from pages.ui import share
from rnnkit.experiment import FIELDS, Experiment
from rnnkit.stories.presets import PRESETS, pair

EXPERIMENT, _ = Experiment.from_query(SMALL)
ON_A_BUTTON = {"train", "step", "reset", "stop", "pin", "present", "share"}


def warnings(at):
    return [warning.value for warning in at.warning]


def test_a_view_survives_its_link():
    view = View(True, frozenset({"cell", "story"}), frozenset({"length"}))
    query = view_options.to_query(view)
    assert query == {"present": "1", "hide": "cell,story", "lock": "length"}
    assert view_options.from_query(query | {"length": "3"}) == (view, [])


@pytest.mark.parametrize(
    "query, named",
    [
        ({"present": "yes"}, "present must be 0 or 1, got 'yes'"),
        ({"hide": "cell,moon,sun"}, "hide: no control is called 'moon' and 1 more: valid are task, length"),
        ({"lock": "<script>"}, "lock: no control is called '<script>'"),
        ({"lock": "x" * 5000}, "lock: no control is called"),
    ],
)
def test_what_is_wrong_with_a_view_is_named_and_the_rest_is_used(query, named):
    view, messages = view_options.from_query(dict(query))
    assert len(messages) == 1 and messages[0].startswith(named) and len(messages[0]) < 500
    assert view == View(hide=frozenset({"cell"} if "hide" in query else ()))


def test_a_broken_lesson_link_opens_the_page_with_the_rest(app):
    at = app(SMALL, hide="moon,cell", lock="length", present="7")
    assert not at.exception and linked_without_view(at) == EXPERIMENT
    said = warnings(at)
    assert len(said) == 2 and "present must be 0 or 1" in said[0] and "'moon'" in said[1]
    assert "c_cell" not in controls(at) and controls(at)["c_length"].disabled


def linked_without_view(at):
    e, messages = Experiment.from_query({k: v for k, v in at.query_params.items() if k not in ("hide", "lock", "present")})
    assert messages == []
    return e


@pytest.mark.parametrize("part", [slice(0, None, 2), slice(1, None, 2)])
@pytest.mark.parametrize("cell", ["lstm", "esn"])
def test_settings_can_be_hidden_and_locked_and_keep_their_values(app, cell, part):
    e = Experiment(length=10, steps=20, replicas=2, cell=cell)
    names = [name for name, f in FIELDS.items() if name in CONTROLS and f.fits(e) and name != "weights"]
    chosen = names[part]
    whole = {f"c_{name}" for name in names}
    hidden, locked = (app(e.to_query(), **{how: ",".join(chosen)}) for how in ("hide", "lock"))
    assert not hidden.exception and not locked.exception
    assert whole - controls(hidden).keys() == {f"c_{name}" for name in chosen}
    of_fixes = {"s_clip-norm", "f_clip-norm"} if "fixes" in chosen else set()
    assert {key for key, w in controls(locked).items() if w.disabled} == {f"c_{name}" for name in chosen} | of_fixes
    for at in (hidden, locked):
        assert linked_without_view(at) == e


@pytest.mark.parametrize(
    "names", [("story", "train", "reset", "pace", "share", "downloads"), ("pin", "step", "stop", "seek", "present", "tour")]
)
def test_every_other_control_can_be_hidden_and_no_result_is(app, names):
    whole = finished(app, SMALL)
    at = until(app(SMALL, hide=",".join(names)), lambda at: verdicts(at) == verdicts(whole))
    at = until(at, lambda at: "pause" not in buttons(at))
    assert not at.exception and len(at.get("vega_lite_chart")) == len(whole.get("vega_lite_chart")) == 4
    assert {b for b in buttons(whole) - buttons(at) if not b.startswith("tour")} == buttons(whole) & set(names)
    labels = {w.label for w in at.selectbox}
    assert ("Story" in labels) == ("story" not in names) and ("Pace" in labels) == ("pace" not in names)
    assert any(b.startswith("tour") for b in buttons(at)) == ("tour" not in names) and bool(at.select_slider) == (
        "seek" not in names
    )
    assert ("Take home" in {menu.proto.popover.label for menu in at.get("popover")}) == ("downloads" not in names)
    assert progress_text(at).startswith("step 20 of 20")  # the seek bar gives way to a progress bar, which says the same


def test_the_menus_can_be_locked(app):
    menus = [
        w for w in app(SMALL, lock="tour,downloads").get("popover") if w.proto.popover.label
    ]  # not the whole text of a story
    assert len(menus) == 2 and all(menu.proto.popover.disabled for menu in menus)


def test_the_presenters_view_is_remembered_and_left_again(app):
    at = finished(app, SMALL)
    press(at, "present")
    assert at.query_params["present"] == ["1"] or at.query_params["present"] == "1"
    press(at, "present")
    assert "present" not in at.query_params and linked(at) == EXPERIMENT


def test_the_presenters_charts_are_larger():
    spec = {"height": 200, "config": {"axis": {"labelFontSize": 14}}, "layer": [{"mark": {"fontSize": 14, "size": 3}}]}
    expected = {"height": 250, "config": {"axis": {"labelFontSize": 18}}, "layer": [{"mark": {"fontSize": 18, "size": 3}}]}
    assert view_options.enlarged(spec) == expected and spec["height"] == 200


# ---- the pages' own settings: tests/pages/test_options.py ----


def test_a_choice_made_on_a_page_goes_into_the_link(app):
    at = app(page="steps")
    assert at.query_params == {}
    at.number_input(key="steps_words").set_value(10).run()
    assert dict(at.query_params) in ({"steps_words": "10"}, {"steps_words": ["10"]})


def test_a_choice_that_is_not_to_be_had_is_named(app):
    at = app(page="steps", steps_cell="moon", steps_words="9")
    (said,) = warnings(at)
    assert "steps_cell: valid are tanh, sigmoid" in said and "'moon'" in said and not at.exception
    assert at.number_input(key="steps_words").value == 9


# ---- sharing ----


def test_the_shared_link_opens_exactly_this(app):
    at = press(finished(app, SMALL, cell="gru"), "share")
    (link,) = [code.value for code in at.code]
    query = dict(parse_qsl(urlsplit(link).query))
    assert query["v"] == "1" and Experiment.from_query(query) == (linked(at), [])


def test_the_link_of_a_story_is_short_and_opens_the_same_runs(app):
    at = press(app(page="lab"), "share")
    (link,) = [code.value for code in at.code]
    assert link.endswith("?story=forgets") and "**Forgets: tanh, 100 words**" in " ".join(text.value for text in at.markdown)
    assert linked(app(dict(parse_qsl(urlsplit(link).query)))) == linked(at) == session.default()


@pytest.mark.parametrize("name", ["remembers", "esn"])
def test_a_story_has_a_short_link_that_opens_it(app, name):
    at = app(story=name, lab_step="1")
    assert linked(at) == PRESETS[name].experiment and not warnings(at)
    (link,) = [code.value for code in press(at, "share").code]
    assert dict(parse_qsl(urlsplit(link).query))["story"] == name and "length" not in link


def test_a_short_link_pins_a_story_and_takes_settings_beside_it(app):
    at = app({"story": "clipped", "pin.story": "explodes", "lab_step": "1"})
    assert (state(at).pinned.experiment, state(at).experiment) == pair("Clipping"), "as many training steps: they are compared"
    (link,) = [code.value for code in press(at, "share").code]
    assert dict(parse_qsl(urlsplit(link).query)).items() >= {"story": "clipped", "pin.story": "explodes"}.items()
    changed = app(story="forgets", length="20", lab_step="1")
    assert linked(changed) == replace(PRESETS["forgets"].experiment, length=20)
    (link,) = [code.value for code in press(changed, "share").code]
    assert "story" not in link and "length=20" in link


@pytest.mark.parametrize("key", ["story", "pin.story"])
def test_a_story_that_is_not_there_is_told(app, key):
    at = app({key: "<b>moon", "length": "12", "lab_step": "1"})
    (said,) = warnings(at)
    assert "story must be one of forgets, remembers" in said and "moon" in said and not at.exception
    assert state(at).experiment.length == 12


@pytest.mark.parametrize(
    ("link", "listens", "expected"),
    [
        ("http://localhost:8501/?story=esn", None, "http://192.168.1.7:8501/?story=esn"),
        ("http://127.0.0.1/lab", None, "http://192.168.1.7/lab"),
        ("http://localhost:8501/", "localhost", "http://localhost:8501/"),
        ("https://rnn.example.org/?a=1", None, "https://rnn.example.org/?a=1"),
    ],
)
def test_a_local_link_is_shared_with_the_address_that_other_machines_know(monkeypatch, link, listens, expected):
    class Probe(socket.socket):
        def connect(self, address):
            assert address == share.ELSEWHERE

        def getsockname(self):
            return "192.168.1.7", 40_000

    monkeypatch.setattr(share.socket, "socket", Probe)
    monkeypatch.setattr(share.st, "get_option", {"server.address": listens}.get)
    assert share.reachable(link) == expected


def test_a_link_too_long_for_a_code_is_told(app, monkeypatch):
    monkeypatch.setattr(url, "address", lambda view: "https://example.org/?" + "a" * 4000)
    at = press(app(SMALL), "share")
    assert not at.exception and any("too long for a QR code" in box.value for box in at.info) and len(at.code) == 1


# ---- in a browser ----


def test_a_lesson_in_a_browser(server, visit):
    from browsing import button, expect, finished, heatmap, sidebar, verdict

    page = visit(server.link("/", **SMALL, hide="story,cell,pages,tour", lock="length,reset"))
    finished(page)
    expect(heatmap(page)).to_be_visible()
    expect(verdict(page)).to_contain_text("of new sentences right")
    expect(sidebar(page).get_by_role("combobox", name="Task")).to_be_visible()
    expect(sidebar(page).get_by_role("combobox", name="Cell")).to_have_count(0)
    expect(page.get_by_role("link", name="Network", exact=True)).to_have_count(0)
    expect(page.get_by_role("spinbutton", name="Sequence length T")).to_be_disabled()
    expect(button(page, "Reset")).to_be_disabled()
    gain = page.get_by_role("spinbutton", name="Gain")
    gain.fill("2")
    gain.press("Enter")
    page.wait_for_url("**gain=2.0**hide=cell**lock=length**")
    assert all(f"{k}={v}" in page.url for k, v in SMALL.items())


def test_a_lesson_about_a_pages_own_controls(server, visit):
    from browsing import expect

    page = visit(server.link("/network", hide="network_number", lock="network_trained", network_number="plural"))
    weights, number = (page.locator(f".st-key-network_{name}") for name in ("trained", "number"))
    expect(weights).to_be_visible()
    expect(weights).to_have_attribute("inert", "")
    expect(number).to_be_hidden()
    expect(page.locator(".network canvas")).to_be_visible()
    page.get_by_role("spinbutton", name="Sequence length T").fill("14")
    page.keyboard.press("Enter")
    page.wait_for_url("**length=14**network_number=plural**hide=network_number**lock=network_trained**")
    expect(weights).to_have_attribute("inert", "")


def test_the_shared_lesson_opens_as_it_was_made(server, visit):
    from browsing import button, expect, finished, sidebar

    page = visit(server.link("/", **SMALL))
    finished(page)
    button(page, "Share").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("img", name="QR code of http")).to_be_visible()
    dialog.get_by_role("combobox", name="Hide").click()
    page.get_by_role("option", name="Cell", exact=True).click()
    link = dialog.get_by_test_id("stCode").locator("code")
    expect(link).to_contain_text("hide=cell")
    assert "hide" not in page.url
    other = visit(link.inner_text())
    expect(sidebar(other).get_by_role("combobox", name="Task")).to_be_visible()
    expect(sidebar(other).get_by_role("combobox", name="Cell")).to_have_count(0)


def test_back_goes_to_the_page_before(server, visit):
    from browsing import expect, finished

    page = visit(server.link("/network"))
    expect(page.get_by_role("heading", name="What is a recurrent network?")).to_be_visible()
    page.get_by_role("link", name="Lab", exact=True).click()
    finished(page, 201)
    length = page.get_by_role("spinbutton", name="Sequence length T")
    for value in ("12", "14"):
        length.fill(value)
        length.press("Enter")
        page.wait_for_url(f"**length={value}**")
    page.go_back()
    expect(page.get_by_role("heading", name="What is a recurrent network?")).to_be_visible()
    page.wait_for_url("**/network**length=14**")
    page.go_forward()
    expect(page.get_by_role("spinbutton", name="Sequence length T")).to_have_value("14")


def test_the_presenters_view_is_larger_and_says_less(server, visit):
    from browsing import button, expect, finished

    page = visit(server.link("/", **SMALL))
    finished(page)
    size = "getComputedStyle(document.documentElement).fontSize"
    assert page.evaluate(size) == "16px"
    caption = page.get_by_test_id("stMain").get_by_text("One row is one training step")
    expect(caption).to_be_visible()
    button(page, "Present").click()
    page.wait_for_url("**present=1**")
    expect(caption).to_be_hidden()
    assert page.evaluate(size) == "21px"


def test_the_code_fills_the_screen_until_it_is_pressed(server, visit):
    from browsing import button, expect

    page = visit(server.link("/lab", story="remembers"))
    button(page, "Share").click()
    code = page.get_by_role("dialog").get_by_role("button", name="QR code")
    large = page.locator(".code dialog img")
    for leave in (large.click, lambda: page.keyboard.press("Escape")):
        code.click()
        expect(large).to_be_visible()
        box, window = large.bounding_box(), page.evaluate("[innerWidth, innerHeight]")
        assert box["height"] > 0.75 * window[1] and box["x"] >= 0 and box["y"] >= 0
        expect(page.locator(".code dialog p")).to_contain_text("?story=remembers")
        leave()
        expect(large).to_be_hidden()
        expect(code).to_be_visible()
