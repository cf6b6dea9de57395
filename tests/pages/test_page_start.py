"""The start page: what the plain address opens and what it does not, the numbers of its sentence, its doors, its first screen."""

import re
from dataclasses import replace
from html import unescape
from types import SimpleNamespace

import numpy as np
import pytest
import streamlit as st
from apptest import SMALL, buttons, controls, press, prose, state, until
from starlette.requests import Request

from pages.server import app as server
from pages.state import session
from pages.ui import registry, way_back
from rnnkit import Experiment, train
from rnnkit.analysis.gradient_summary import gradient_ratio
from rnnkit.engine.history import History
from rnnkit.serving import first_rows
from rnnkit.serving.run import Run
from rnnkit.stories.presets import PRESETS

TITLE = "Why do recurrent networks forget?"
FACTOR = r'<div class="factor[^"]*" style="--row: 4; --from: (\d+); --span: 1; ">(.*?)</div>'
BAR = r"--share: ([\d.e+-]+);"
OLD = {  # what stood behind the plain address before it had this page
    "settings": {"cell": "lstm", **SMALL},
    "a version alone": {"v": "1"},
    "a pinned run": {"pin.length": "9", **SMALL},
    "the presenter's view": {"present": "1"},
    "a lesson": {"hide": "cell", "lock": "length"},
    "a step": {"lab_step": "3"},
    "a setting that is not valid": {"cell": "nope"},
}


def here(at):
    return state(at).navigation.page


def address(at):
    return {k: v[0] if isinstance(v, list) else v for k, v in at.query_params.items()}


def picture(at):
    return next(html.proto.body for html in at.get("html") if 'class="wayback"' in html.proto.body)


# ---- which page an address opens ----


def test_the_plain_address_opens_the_start_without_controls(app):
    at = app()
    assert not at.exception and not at.warning and [h.value for h in at.subheader] == [TITLE] and here(at) == "start"
    assert controls(at) == {} and at.query_params == {}


@pytest.mark.parametrize("query", OLD.values(), ids=OLD)
def test_an_old_link_opens_the_lab(app, query):
    at = app(query)
    assert here(at) == "lab" and not at.exception and {"pause", "train"} & buttons(at)
    cell = {"cell": "lstm"} if query.get("cell") == "lstm" else {}
    assert state(at).experiment == (Experiment.from_query(SMALL | cell)[0] if "length" in query else session.default())
    assert state(at).view.present == ("present" in query) and (state(at).pinned is not None) == ("pin.length" in query)
    assert any("nope" in w.value for w in at.warning) == (query.get("cell") == "nope")


def test_settings_and_view_stay_in_the_address_of_the_start_which_opens_it_again(app):
    at = press(app(page="start"), "present")
    assert address(at) == {"present": "1", "page": "start"}
    again = app(present="1", page="start", cell="gru")
    assert here(again) == "start" and state(again).view.present and not again.warning
    assert state(again).experiment.cell == "gru" and address(again)["page"] == "start", "a reload loses nothing"


def test_every_page_has_an_address_of_its_own(monkeypatch):
    made = []
    monkeypatch.setattr(registry.st, "Page", lambda page, **options: made.append((options["url_path"], options["default"])))
    for name in registry.NAMES:
        registry.navigation_entry(name)
    assert made[0] == (None, True) and made[1:] == [(name, False) for name in registry.NAMES[1:]]
    assert registry.NAMES[0] == "start" and "lab" in registry.NAMES


@pytest.mark.parametrize(
    "path, query, to",
    [
        ("/", b"", ""),
        ("/", b"cell=gru", "lab?cell=gru"),
        ("/", b"tour=3", "lab?tour=3"),
        ("/", b"present=1&page=start", ""),
        ("/", b"embed=true", ""),
        ("/lab", b"cell=gru", ""),
        ("/lab/xyz", b"cell=gru", "../xyz?cell=gru"),
        ("/_stcore/health", b"x=1", ""),
    ],
)
def test_the_server_leads_old_links_to_the_lab(path, query, to):
    headers = [(b"accept", b"text/html,*/*"), (b"host", b"x")]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query, "headers": headers}
    assert server._elsewhere(Request(scope)) == to
    assert server._elsewhere(Request(scope | {"headers": [(b"accept", b"*/*"), (b"host", b"x")]})) == "", "no page is asked for"


@pytest.mark.parametrize(
    "path, opens",
    [("/status", "start"), ("/a/nowhere", "start"), ("", "lab"), ("/course", "lab"), ("/proxy/8501", "lab"), ("/~/+", "lab")],
)
def test_an_unknown_address_opens_the_start_whatever_it_holds(app, monkeypatch, path, opens):
    """A page that follows at once can swallow Streamlit's message that there is no such page."""
    monkeypatch.setattr(st, "context", SimpleNamespace(url=f"http://x{path}", cookies={}, headers={}, theme=None))
    option = st.get_option
    monkeypatch.setattr(st, "get_option", lambda name: "course" if name == "server.baseUrlPath" else option(name))
    at = app(key="wrong")
    assert here(at) == opens and not at.exception


def test_the_link_to_share_is_the_plain_address(app):
    (link,) = [code.value for code in press(app(), "share").code]
    assert "?" not in link


# ---- the sentence ----


def test_its_numbers_are_those_of_the_records(app):
    """Trained once more in this process: at each word stands the first record's number; their product is what is left."""
    e = session.default()
    at = until(app(), lambda at: re.search(BAR, picture(at)))
    grad = next(iter(train(replace(e, steps=1)))).state_grad[0].astype(float)  # (T, R)
    left = [float(np.median(row / grad[-1])) for row in grad]
    assert len(left) == e.length and left[1] == pytest.approx(gradient_ratio(grad[None], e), rel=1e-6)
    assert np.prod(way_back.factors(np.array(left))[1:]) == pytest.approx(left[1])
    drawn = {int(t) - 1: text for t, text in re.findall(FACTOR, picture(at))}
    assert drawn.pop(e.length - 1) == "1" and len(drawn) > 8
    for t, text in drawn.items():
        assert float(text.removeprefix("× ")) == pytest.approx(left[t] / left[t + 1], abs=0.0051), t
    bars = re.findall(BAR, picture(at))
    assert list(map(float, bars)) == pytest.approx([min(1, share) for share in left], rel=1e-3)
    text = unescape(re.search('aria-label="(.*?)"', picture(at))[1])
    assert f"over {e.length - 2} words: {left[1]:.0e} of the gradient is left at the subject" in text
    assert f"median of {e.replicas} networks" in prose(at)


def test_before_the_first_record_it_shows_the_sentence_without_numbers():
    e = Experiment()
    words = way_back.sentence(e, session.example(e))
    assert len(words) == e.length and words[:6] == ["The", "cat", ",", "which", "already", "ate"] and words[-1] == ", → was"
    drawn = way_back.picture(words, 1, None, "says")
    assert not re.search(BAR, drawn) and "×" not in drawn and all(f"<b>{w}</b>" in drawn for w in ("cat", "cats", "was", "were"))


@pytest.mark.parametrize("length", [7, 12, 15, 16])
def test_a_short_sentence_is_whole(length):
    e = Experiment(length=length)
    words = way_back.sentence(e, session.example(e))
    drawn = way_back.picture(words, 1, np.full(length, 1.0), "says")
    assert len(words) == length and drawn.count('class="bar') == length
    assert ("more words" in drawn) == (length > 15)


def test_a_gradient_of_zero_or_none_at_all_has_a_picture_too():
    tiny = np.array([[0.0, 1e-3, 1.0], [0.0, 1e-3, 1.0]]).T
    assert way_back.shares(tiny).tolist() == [0, 1e-3, 1] and way_back.factors(way_back.shares(tiny)).tolist() == [0, 1e-3]
    assert np.isnan(way_back.shares(np.zeros((3, 2)))).all()
    assert [way_back.short(f) for f in (0.5513, 1.3, 0, 12.0)] == ["× .55", "× 1.3", "× 0", "× 12"]


# ---- the run and the doors ----


def test_the_lab_goes_on_with_the_run_of_the_start(app):
    at = until(app(), lambda at: state(at).playback.head >= 2)
    run, head = state(at).run, state(at).playback.head
    at = press(at, "start_explore")
    assert here(at) == "lab" and at.subheader[0].value == PRESETS["forgets"].title and at.query_params == {}
    assert state(at).run is run and state(at).playback.head >= head


def test_a_session_with_another_run_sees_the_default_one_and_keeps_its_own(app, pool):
    at = app(SMALL, page="start")
    own = state(at).run
    until(at, lambda at: re.search(BAR, picture(at)))
    assert state(at).run is own and own.experiment.length == 10 and not own.viewers
    assert pool.get(session.default()).viewers


def test_a_training_that_fails_says_so(app, pool, monkeypatch):
    monkeypatch.setattr(pool, "watch", lambda run, *args, **options: setattr(run, "error", "PyTorch is not installed"))
    at = app(page="start", seed="77")
    assert "The training stopped: PyTorch is not installed" in at.error[0].value and not at.exception
    monkeypatch.undo()
    run = pool.get(session.default())
    run.error = ""


def test_the_tour_begins_and_comes_back(app):
    at = press(app(), "start_tour")
    assert here(at) == "network" and "**1 / 18" in prose(at) and address(at)["own.page"] == "start"
    at = press(at, "tour_leave_0")
    assert here(at) == "start" and at.query_params == {}


def test_who_teaches_gets_the_lab_in_the_presenters_view(app):
    at = press(app(), "start_present")
    assert here(at) == "lab" and state(at).view.present


def test_a_lesson_that_keeps_the_pages_or_the_tour_keeps_the_doors_shut(app):
    at = app(page="start", hide="tour", lock="pages")
    assert "start_tour" not in buttons(at)
    assert at.button(key="start_explore").disabled and at.button(key="start_present").disabled


# ---- in a browser ----


PARTS = (".wayback", ".st-key-start_tour", ".st-key-start_explore", ".st-key-start_teach", ".heatmap", ".st-key-beside")


def assert_on_screen(page, *parts):
    size = page.viewport_size
    for part in parts:
        box = page.locator(part).first.bounding_box()
        assert box["x"] >= 0 and box["y"] >= 60 and box["width"] > 20 and box["height"] > 20, part
        assert box["x"] + box["width"] <= size["width"] and box["y"] + box["height"] <= size["height"], part


def test_all_of_it_is_on_the_first_screen_and_back_comes_back(server, visit):
    from browsing import expect

    page = visit(server.url, viewport={"width": 1366, "height": 768})
    expect(page.locator(".wayback .factor").nth(3)).to_be_visible()
    for width, height in ((1920, 1080), (1366, 768)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(500)
        assert_on_screen(page, *PARTS)
        names = page.get_by_role("banner").get_by_role("link").all_inner_texts()
        assert names == [registry.title(name) for name in registry.NAMES], "none is folded away"
        for name in ("Tour", "Present", "Share"):
            assert page.locator(".st-key-lecture p", has_text=name).first.bounding_box()["width"] > 20, name
    page.get_by_role("button", name="Explore").click()
    expect(page.get_by_role("heading", name=PRESETS["forgets"].title)).to_be_visible()
    assert page.url == server.link("/lab")
    page.go_back()
    expect(page.locator(".st-key-start_explore")).to_be_visible()
    page.get_by_role("link", name="Vanishing", exact=True).click()
    expect(page.locator("[aria-label^='Norm of dL/dh'] svg")).to_be_visible()
    assert_on_screen(page, ".product", ".st-key-vanishing_factor", ".st-key-vanishing_words", "[aria-label^='Norm of dL/dh']")


def test_an_old_link_leads_to_the_lab_and_back_again(server, visit):
    """With the first Back, also before the page has all its parts: the address was changed then, as an entry of its own."""
    from browsing import expect

    page = visit(server.link("/stories"), locale="en-US")  # a tab of its own, whose history is this test's alone
    before = page.get_by_role("heading", name="each with one thing to see")
    expect(before).to_be_visible()
    page.goto(server.link("/", **SMALL))
    expect(page.get_by_role("heading", name="tanh: agreement, 10 time steps")).to_be_visible()
    assert page.url.startswith(server.link("/lab?"))
    page.go_back()
    expect(before).to_be_visible()


# ---- before the training process has started ----


@pytest.fixture
def recording(pool, monkeypatch):
    """The default run, as the first visitor of a fresh server finds it. It stays so: what is trained here is not taken."""
    e = session.default()
    run = pool.get(e)
    run.history, run.trained, run.recorded = first_rows.recorded(e), History(e), True
    monkeypatch.setattr(Run, "append", lambda self, record: None)
    return run


def test_the_recorded_rows_are_named_on_the_start_page_until_they_are_trained_here(app, recording):
    at = app()
    assert "Their training, recorded, until the training here is as far:" in prose(at) and "Here they train:" not in prose(at)
    assert "of the gradient is left" in picture(at)
    recording.trained, recording.recorded = None, False
    at.run()
    assert "Here they train:" in prose(at) and "recorded" not in prose(at)


def test_the_recorded_rows_are_named_in_the_lab(app, recording):
    at = app(page="lab")
    assert not at.exception and "recorded, until the training here is as far" in progress(at) and "steps/s" not in progress(at)
    recording.trained, recording.recorded, recording.seconds = None, True, 2.0
    at.run()
    assert "recorded before" in progress(at) and "trained 2.0 s" in progress(at)


def progress(at):
    """What stands over the progress bar or the seek bar."""
    return " ".join([*(bar.proto.text for bar in at.get("progress")), *(slider.label for slider in at.select_slider)])
