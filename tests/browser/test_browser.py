"""The dashboard in Chromium: a real server, real clicks, the canvas' own pixels, and the worker processes behind it.

What AppTest cannot see: deep links to a fresh server, live updates, timers that stop, two browsers that share a run, a
worker or a server that is killed. Every page of every test must load without an error in the console, and ask nobody but its
own server. Waiting is always for something, never for a time.
"""

import csv
import os
import re
import signal
from urllib.parse import urlencode

import pytest
from browsing import (
    PHONE,
    SIDEWAYS,
    assert_opened,
    button,
    choose,
    expect,
    finished,
    go,
    grown,
    heatmap,
    pixels,
    rows,
    running_workers,
    sidebar,
    transport,
    until,
    verdict,
)

from rnnkit.serving.limits import Limits
from rnnkit.stories.presets import DEFAULT, PRESETS

# ---- deep links ----

SMALL = {"length": 10, "steps": 20, "replicas": 2}
FIRST_REQUESTS = {
    "/stories": "experiments, each with one thing to see",
    "/?" + urlencode(SMALL): "tanh: agreement, 10 time steps",
    "/lab": PRESETS[DEFAULT].title,
    "/start": "Why do recurrent networks forget?",  # at the plain address; a file in pages/
}


@pytest.mark.parametrize("path, title", FIRST_REQUESTS.items(), ids=FIRST_REQUESTS)
def test_a_deep_link_is_a_fresh_servers_first_request(fresh, visit, problems, path, title):
    page = visit(fresh.url + path)
    if path != "/start":
        assert_opened(page, title)
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    if path == "/stories":
        expect(page.locator(".cards .card")).to_have_count(len(PRESETS))
    else:
        expect(heatmap(page)).to_be_visible()
    if path == "/start":
        problems[:] = [problem for problem in problems if "does not seem to exist" not in problem]


def test_the_workers_of_a_killed_server_end(fresh, visit):
    page = visit(fresh.link(length=100, steps=5000))
    grown(page, 2)
    workers = fresh.workers()
    assert 1 <= len(workers) <= Limits().workers
    page.context.close()
    fresh.kill()
    until(lambda: not set(workers) & set(running_workers()), f"the end of the processes {workers}", 10)


def test_the_first_visitor_sees_recorded_rows_until_the_training_here_is_as_far(fresh, visit):
    """The training process is stopped while it starts, so that it is late for certain."""
    (worker,) = until(fresh.workers, "a training process")
    os.kill(worker, signal.SIGSTOP)
    page = visit(fresh.url)
    expect(page.get_by_text("Their training, recorded, until the training here is as far:")).to_be_visible()
    grown(page, 2)
    shown, place = rows(page), heatmap(page).bounding_box()
    os.kill(worker, signal.SIGCONT)
    expect(page.get_by_text("Here they train:")).to_be_visible(timeout=60_000)
    assert rows(page) >= shown and heatmap(page).bounding_box() == place


# ---- the lab ----


def test_it_plays_by_itself_and_the_picture_fills(server, visit):
    page = visit(server.link("/lab"), reduced_motion="no-preference")
    assert_opened(page, PRESETS[DEFAULT].title)
    grown(page, 1)
    before = until(
        lambda: (now := pixels(page))["colours"] > 20 and now, "a canvas", wait=lambda s: page.wait_for_timeout(1000 * s)
    )
    grown(page, rows(page) + 5)  # counted after the picture was read: rows may have come in between
    assert pixels(page)["hash"] != before["hash"]
    expect(transport(page, "of 200 · about")).to_be_visible()


def test_a_small_run_ends_with_a_verdict_its_records_and_silence(server, visit, tmp_path):
    page, sent = visit("about:blank"), []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    page.goto(server.link(**SMALL))
    said = finished(page)
    assert "At the subject the gradient is" in said and "of new sentences right" in said
    expect(transport(page, "step 20 of 20")).to_be_visible()

    button(page, "Take home").click()
    with page.expect_download() as download:
        button(page, "Records as CSV").click()
    download.value.save_as(tmp_path / "records.csv")
    with (tmp_path / "records.csv").open() as file:
        records = list(csv.DictReader(file))
    assert [(int(r["step"]), int(r["replica"])) for r in records] == [(s, r) for s in range(21) for r in range(2)]

    page.wait_for_timeout(1000)  # what the download still says
    before = len(sent)
    page.wait_for_timeout(2000)
    assert before > 0 and len(sent) - before <= 1, "a finished run asks for nothing more"


def test_pause_step_reset_and_train_again(server, visit):
    page = visit(server.link(**SMALL, seed=1))
    said = finished(page)
    choose(page, "Pace", "slow pace")
    button(page, "Train").click()
    expect(button(page, "Pause")).to_be_visible()
    expect(heatmap(page)).to_have_attribute("data-rows", re.compile(r"^([3-9]|1\d)$"))  # no longer the 21 of before
    button(page, "Pause").click()
    expect(transport(page, "paused")).to_be_visible()
    n = rows(page)
    assert 1 < n < 21
    page.wait_for_timeout(1000)
    assert rows(page) == n, "a pause stands still"
    button(page, "Step").click()
    expect(heatmap(page)).to_have_attribute("data-rows", str(n + 1))
    expect(heatmap(page)).to_have_attribute("data-cursor", str(n))
    expect(transport(page, rf"step {n} of 20 · paused")).to_be_visible()
    button(page, "Reset").click()
    expect(heatmap(page)).to_have_attribute("data-rows", "1")
    expect(transport(page, "step 0 of 20 · ready: press Train")).to_be_visible()
    button(page, "Train").click()
    expect(button(page, "Pause")).to_be_visible()
    assert finished(page) == said


def test_a_menu_opened_before_there_is_anything_to_take_home_offers_it_later(server, visit):
    page = visit(server.link(length=300, hidden=200, batch=64, replicas=4, steps=10))  # whose first row takes seconds
    page.get_by_role("button", name="Take home").click()
    expect(button(page, "Handout")).to_be_visible()
    expect(button(page, "Handout")).to_be_enabled()


def test_stop_stops(server, visit):
    page = visit(server.link(length=100, steps=5000))
    grown(page, 2)
    button(page, "Stop").click()
    expect(transport(page, "stopped")).to_be_visible()
    n = rows(page)
    page.wait_for_timeout(1000)
    assert rows(page) == n
    button(page, "Train").click()
    grown(page, n + 1)
    button(page, "Stop").click()
    expect(transport(page, "stopped")).to_be_visible()


def test_a_click_on_the_heatmap_looks_at_that_row(server, visit):
    page = visit(server.link(**SMALL))
    finished(page)
    expect(heatmap(page)).to_have_attribute("data-cursor", "20")
    canvas = heatmap(page).locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    canvas.click(position={"x": box["width"] / 2, "y": 0.6 * box["height"]})
    expect(heatmap(page)).to_have_attribute("data-cursor", re.compile(r"^1?\d$"))
    row = heatmap(page).get_attribute("data-cursor")
    expect(heatmap(page).locator(".now")).to_have_text(f"step {row}")
    expect(page.get_by_role("slider", name=re.compile("^step"))).to_have_attribute("aria-valuetext", row)
    assert rows(page) == 21, "later rows stay"
    page.keyboard.press("Home")
    expect(heatmap(page).locator(".now")).to_have_text("step 0")
    expect(heatmap(page)).to_have_attribute("data-cursor", "0")


def test_the_story_that_explodes_ends_in_crimson_and_its_link_survives_a_reload(server, visit):
    page = visit(server.link(**SMALL))
    grown(page, 1)
    assert pixels(page)["crimson"] == 0
    expect(heatmap(page).locator(".nan")).to_be_hidden()
    choose(page, "Story", PRESETS["explodes"].title, sidebar(page))
    for _ in range(2):
        assert_opened(page, PRESETS["explodes"].title)
        expect(verdict(page)).to_contain_text("NaN")
        expect(heatmap(page).locator(".nan")).to_be_visible()
        expect(heatmap(page).locator(".nan")).to_have_text("NaN or inf")
        until(lambda: pixels(page)["crimson"] > 1000, "crimson", wait=lambda s: page.wait_for_timeout(1000 * s))
        page.reload()


def test_two_browsers_share_one_training(server, visit):
    link = server.link(**SMALL, seed=2)
    one = visit(link)
    grown(one, 1)
    choose(one, "Pace", "slow pace")
    two = visit(link)
    for name in ("Reset", "Train"):  # from the start, however long the second browser took
        button(one, name).click()
    for page in (one, two):
        expect(transport(page, "2 viewers")).to_be_visible()
    assert finished(one) == finished(two)
    trained = [transport(page, "trained").inner_text().split("trained")[1].split(" · ")[0] for page in (one, two)]
    assert trained[0] == trained[1], "the worker's clock, of the only training"
    assert len(server.workers()) <= Limits().workers


def test_a_killed_worker_is_told_and_can_be_run_again(server, visit):
    page = visit(server.link(length=100, steps=200, seed=3))
    grown(page, 2)
    workers = server.workers()
    assert workers
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    error = page.get_by_text("The training stopped: the training process was ended by SIGKILL")
    expect(error).to_be_visible()
    assert 1 < rows(page) < 201, "what was trained is kept"
    button(page, "Run again").click()
    expect(error).to_be_hidden()
    assert "of new sentences right" in finished(page, 201)


# ---- looks ----


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_in_light_and_dark(server, visit, scheme):
    page = visit(server.link(**SMALL), color_scheme=scheme)
    finished(page)
    back = page.get_by_test_id("stApp").evaluate("e => getComputedStyle(e).backgroundColor")
    assert (min(map(int, re.findall(r"\d+", back)[:3])) > 200) == (scheme == "light")
    assert pixels(page)["colours"] > 20
    go(page, "Stories")
    expect(page.locator(".cards .card")).to_have_count(len(PRESETS))
    page.get_by_role("button", name=PRESETS["remembers"].title, exact=True).click()
    assert_opened(page, PRESETS["remembers"].title)
    expect(sidebar(page).get_by_role("combobox", name="Story")).to_have_value(PRESETS["remembers"].title)
    grown(page, 1)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_a_phone_shows_everything_without_sideways_scrolling(server, visit):
    page = visit(server.link(**SMALL), viewport=PHONE, has_touch=True, is_mobile=True)
    finished(page)
    assert max(page.evaluate(SIDEWAYS)) <= 0
    canvas = heatmap(page).locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"]
    canvas.click(trial=True)  # nothing covers it
    page.goto(server.link("/stories"))
    expect(page.locator(".cards .card")).to_have_count(len(PRESETS))
    assert max(page.evaluate(SIDEWAYS)) <= 0
