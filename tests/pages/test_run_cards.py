"""The run list's cards: each run's small picture comes from its own records, is bounded, and opens the run in the lab."""

from dataclasses import replace

import numpy as np
import pytest
from apptest import SMALL, cards, until
from browsing import PHONE, SIDEWAYS, button, choose, expect, sidebar
from histories import history

from pages.components import cards as component
from pages.run_list import table
from rnnkit.engine.history import History
from rnnkit.engine.trainer import run as trained
from rnnkit.experiment import Experiment
from rnnkit.export.run_list import MAX_RUNS
from rnnkit.serving.limits import Limits
from rnnkit.serving.run_pool import Run
from rnnkit.stories import pictures
from rnnkit.stories.remedies.results import result

PLAIN = Experiment(length=10, steps=20, replicas=2, seed=60)
LINK = SMALL | {"seed": "60"}


@pytest.fixture(scope="module")
def h():
    return trained(PLAIN)


# ---- without a browser ----


def test_each_run_has_a_card_with_the_picture_of_its_own_records(app, pool):
    at = until(app(LINK, page="compare"), lambda at: cards(at) and pool.runs[PLAIN.key].done)
    at.run()
    (card,) = cards(at)
    history = pool.runs[PLAIN.key].history
    whole = result(history, history.n)
    assert (card["key"], card["outcome"], card["title"]) == (PLAIN.key, whole.outcome, "tanh: agreement, 10 time steps")
    (picture,) = card["pictures"]
    assert (picture["n"], picture["length"], picture["grid"][-1]) == (table.PICTURE[0], PLAIN.length, PLAIN.steps)
    exams = ~np.isnan(history.accuracy).all(1)
    assert picture["exams"] == history.steps[exams].tolist()
    assert np.allclose(np.array(picture["accuracy"]).T, history.accuracy[exams], atol=1e-4)
    assert picture["chance"] == 0.5 and card["text"].startswith(f"{(whole.solved >= 0).sum()} of 2 solved")
    assert not at.exception


def test_a_run_that_the_server_has_dropped_has_a_card_without_a_picture(app, pool):
    at = until(app(LINK, page="compare"), lambda at: cards(at) and pool.runs[PLAIN.key].done)
    next(box for box in at.checkbox if box.label == "Draw").uncheck().run()
    at.number_input(key="c_seed").set_value(61).run()
    pool.runs.pop(PLAIN.key)
    at.run()
    card = next(card for card in cards(at) if card["key"] == PLAIN.key)
    assert card["pictures"] == [] and "of 2 solved" in card["text"], "the outcome is known"


def test_a_picture_of_a_run_has_few_rows_and_columns_and_the_first_and_last_of_both(h):
    rows, columns = table.PICTURE
    long = replace(PLAIN, length=1000, steps=300)
    grad = np.geomspace(1e-9, 1, long.length)[None, :, None] * np.ones(2, np.float32)
    recorded = history([grad] * len(long.recorded_steps), long, np.full((len(long.recorded_steps), 2), 0.5), np.full(2, -1))
    picture = pictures.draw(recorded, recorded.n, "h", rows, columns)
    whole = recorded.codes(recorded.n)
    assert picture.codes.shape == (rows, columns) and len(whole) > rows and whole.shape[1] > columns
    assert np.array_equal(picture.codes[[0, -1]][:, [0, -1]], whole[[0, -1]][:, [0, -1]])
    small = pictures.draw(h, h.n, "h")
    assert np.array_equal(small.codes, h.codes(h.n)[np.linspace(0, h.n - 1, len(small.codes)).round().astype(int)])


def test_all_cards_of_a_full_list_are_a_small_message():
    """Of the largest runs that a server takes by default: while one trains, every poll sends the cards of all of them."""
    limits = Limits()
    e = Experiment(length=limits.max_length, replicas=limits.max_replicas, steps=limits.max_steps)
    n = len(e.recorded_steps)
    h = History(e)
    h.n, h.state_grad[:], exams = n, 0.25, np.linspace(0, n - 1, 13).astype(int)  # evaluated about a dozen times
    h.accuracy[exams] = np.random.default_rng(0).random((len(exams), e.replicas))
    picture = pictures.draw(h, n, "h", *table.PICTURE)
    card = component.Card("k" * 16, "t" * 60, "x" * 400, [("", picture, 0.5)])
    assert len(component.pack([card])) * MAX_RUNS < 200_000


def test_a_picture_is_made_once_for_all_viewers_of_a_run(h):
    run = Run(PLAIN, h)
    first = table._picture(run)
    assert first is table._picture(run) and len(first.grid) == table.PICTURE[0]
    assert table._picture(Run(PLAIN, History(PLAIN))) is None, "before its first row"


def test_while_a_run_trains_its_card_says_how_far_the_picture_goes(h):
    part = pictures.draw(h, 10, "h")
    assert component.said(part) == "up to step 9 of 20"
    assert component.said(pictures.draw(h, h.n, "h")) in ("not learnt", "nearly learnt")


# ---- in a browser ----


def rows(page):
    return page.locator("[class*=st-key-shelf_row_]")


def test_a_card_is_pressed_or_opened_by_keyboard_and_stays_in_the_list(server, visit):
    page = visit(server.link("/compare", **LINK))
    expect(rows(page)).to_have_count(1)
    choose(page, "Cell", "GRU", sidebar(page))
    button(page, "Train").click()
    expect(rows(page)).to_have_count(2)
    for i, (title, press) in enumerate((("tanh: agreement", "picture"), ("GRU: agreement", "Enter"))):
        card = rows(page).nth(i).locator(".card")
        expect(card.locator("canvas")).to_have_count(2)
        if press == "picture":
            card.locator(".heat").click()
        else:
            card.get_by_role("button", name=title).focus()
            page.keyboard.press(press)
        expect(page.get_by_role("heading", name=f"{title}, 10 time steps")).to_be_visible()
        page.get_by_role("link", name="Compare", exact=True).click()
        expect(rows(page)).to_have_count(2)
    boxes = [rows(page).nth(i).bounding_box() for i in (0, 1)]
    assert boxes[0]["y"] == boxes[1]["y"] and boxes[0]["width"] == boxes[1]["width"], "beside each other"


def test_on_a_phone_a_card_is_ticked_and_pressed(server, visit):
    page = visit(server.link("/compare", **LINK), viewport=PHONE, has_touch=True, is_mobile=True)
    expect(rows(page)).to_have_count(1)
    rows(page).get_by_text("Draw", exact=True).tap()
    expect(page.get_by_text("Nothing is drawn: tick")).to_be_visible()
    assert max(page.evaluate(SIDEWAYS)) <= 0
    rows(page).locator(".heat").tap()
    expect(page.get_by_role("heading", name="tanh: agreement, 10 time steps")).to_be_visible()
