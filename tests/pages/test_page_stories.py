"""The stories: cards under the questions that they answer, filters by cell and by remedy, and the card itself."""

import pytest
from apptest import widget
from browsing import DESK, PHONE, SIDEWAYS, expect
from conftest import ROOT

from pages import stories
from pages.components import cards
from rnnkit.engine.cells import CELLS
from rnnkit.stories import pictures
from rnnkit.stories.presets import PRESETS

ESN = [name for name, preset in PRESETS.items() if preset.experiment.cell == "esn"]


@pytest.fixture
def shown(app, monkeypatch):
    """shown(**query) -> the page, and the cards under each of its headings."""

    def open_(**query):
        groups = []
        monkeypatch.setattr(stories, "cards", lambda items, **options: groups.append(items))
        at = app(query, page="stories")
        assert not at.exception
        return at, groups

    return open_


def keys(groups):
    return [item.key for items in groups for item in items]


def headings(at):
    return [text.value.removeprefix("#### ") for text in at.markdown if text.value.startswith("####")]


# ---- without a browser ----


def test_every_story_has_a_card_with_its_recorded_picture(shown):
    _, groups = shown()
    items = [item for items in groups for item in items]
    for item, (name, preset) in zip(items, PRESETS.items(), strict=True):
        assert (item.key, item.title, item.text, item.locked) == (name, preset.title, preset.text, "")
        assert item.pictures[0][1] == pictures.recorded(preset.experiment)
    assert cards.pack(items), "it can be sent"


def test_the_stories_of_a_question_stand_together_under_it(shown):
    at, groups = shown()
    assert headings(at) == list(dict.fromkeys(preset.question for preset in PRESETS.values())), "each once"
    assert [{PRESETS[item.key].question for item in items} for items in groups] == [{question} for question in headings(at)]
    assert all(preset.question.endswith("?") for preset in PRESETS.values())


def test_the_filters_leave_the_stories_of_a_cell_and_of_a_remedy(shown):
    at, groups = shown(stories_cell="relu")
    assert keys(groups) == [name for name, preset in PRESETS.items() if preset.experiment.cell == "relu"]
    assert len(headings(at)) == len(groups) < len({preset.question for preset in PRESETS.values()})
    groups.clear()
    widget(at, "stories_remedy").set_value("none").run()
    assert keys(groups) == ["explodes"] and at.query_params["stories_remedy"] in ("none", ["none"])
    groups.clear()
    widget(at, "stories_cell").set_value("any").run()
    assert keys(groups) == [name for name, preset in PRESETS.items() if not preset.experiment.fixes]


def test_the_filters_offer_what_some_story_has(shown):
    at, _ = shown()
    cells = {CELLS[preset.experiment.cell].title for preset in PRESETS.values()}
    assert set(widget(at, "stories_cell").options) == {"any", *cells}
    remedies = {fix.title for preset in PRESETS.values() for fix in preset.experiment.fixes}
    assert set(widget(at, "stories_remedy").options) == {"any", "none", *remedies}


def test_a_filter_that_leaves_nothing_says_so(shown):
    at, groups = shown(stories_cell="esn", stories_remedy="omega")
    assert groups == [] and headings(at) == []
    assert [box.value for box in at.info] == ["No story has this cell and this remedy."]
    at, groups = shown(stories_cell="esn")
    assert keys(groups) == ESN and not at.info


def test_the_colours_of_small_pictures_stand_in_one_file():
    """Cards and the table of remedies share them."""
    files = {
        name: (ROOT / f"pages/components/{name}.css").read_text("utf-8")
        for name in ("small_pictures", "cards", "small_multiples")
    }
    for colour in ("--nan: ", "--zero: ", "--good: ", "--muted: ", '[data-outcome="nearly learnt"] { --mark'):
        assert [name for name, text in files.items() if colour in text] == ["small_pictures"], colour


# ---- in a browser ----


def test_the_filters_by_keyboard_and_their_link(server, visit):
    page = visit(server.link("/stories"), viewport=DESK)
    expect(page.locator(".card")).to_have_count(len(PRESETS))
    expect(page.get_by_role("heading", name="Do gates help?")).to_be_visible()
    page.get_by_role("combobox", name="Cell").last.focus()
    page.keyboard.type("echo")
    page.keyboard.press("Enter")
    expect(page.locator(".card")).to_have_count(len(ESN))
    expect(page.get_by_role("heading", name="Do gates help?")).to_have_count(0)
    page.wait_for_url("**/stories?*stories_cell=esn*")
    page.reload()
    expect(page.locator(".card")).to_have_count(len(ESN))


def test_on_a_phone_the_stories_do_not_scroll_sideways(server, visit):
    page = visit(server.link("/stories"), viewport=PHONE, has_touch=True, is_mobile=True)
    expect(page.locator(".card")).to_have_count(len(PRESETS))
    assert max(page.evaluate(SIDEWAYS)) <= 0
