"""A real server and a real browser: what the tests in Chromium share. The fixtures `server` and `visit` are in conftest.py."""

import re

import pytest
from serving import Server as Server
from serving import running_workers as running_workers
from serving import until

sync_api = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright")
expect = sync_api.expect
expect.set_options(timeout=60_000)

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
OWN_HOSTS = {"127.0.0.1", "localhost"}
PIXELS = """canvas => {
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);  // Chromium warns of a canvas that is drawn on a GPU and read again and again
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height), colours = new Set();
    let crimson = 0, hash = 0;
    for (let i = 0; i < data.length; i += 4) {
        const [r, g, b] = [data[i], data[i + 1], data[i + 2]], colour = r << 16 | g << 8 | b;
        colours.add(colour);
        hash = (31 * hash + colour) % 1000003;
        crimson += colour === 0xdc143c;
    }
    return { colours: colours.size, crimson, hash };
}"""
SIDEWAYS = """() => [document.documentElement, ...document.querySelectorAll("[data-testid=stMain]")]
    .map(e => e.scrollWidth - e.clientWidth)"""


def assert_opened(page, title):
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    expect(sidebar(page).get_by_role("combobox", name="Story")).to_be_attached()
    expect(page.get_by_test_id("stException")).to_have_count(0)


def sidebar(page):
    return page.get_by_test_id("stSidebar")


def heatmap(page):
    return page.locator(".heatmap")


def pixels(page):
    return heatmap(page).locator("canvas").evaluate(PIXELS)


def rows(page):
    return int(heatmap(page).get_attribute("data-rows") or 0)


def grown(page, least):
    """Waits until so many rows are drawn."""
    return until(lambda: (n := rows(page)) >= least and n, f"{least} rows", wait=lambda s: page.wait_for_timeout(1000 * s))


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def transport(page, text):
    """The words on the seek bar or progress bar; for a moment, while one takes the other's place, both are there."""
    return page.locator(".st-key-seek").get_by_text(re.compile(text)).first


def go(page, title):
    """To another page by the navigation; what has no room in it stands behind "... more"."""
    link = page.get_by_role("link", name=title, exact=True)
    if link.count() and link.first.is_visible():
        link.first.click()
        return
    page.get_by_text(re.compile(r"^\d+ more$")).click()
    page.get_by_role("menuitem", name=title, exact=True).click()


def choose(page, label, option, where=None):
    (where or page).get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option, exact=True).click()


def finished(page, last=21):
    """Waits for the end of the run, which has so many rows; returns the verdict."""
    grown(page, 1)
    choose(page, "Pace", "fast pace")
    expect(button(page, "Train")).to_be_visible()
    expect(heatmap(page)).to_have_attribute("data-rows", str(last))  # drawn after the verdict
    return verdict(page).inner_text()


def verdict(page):
    return page.get_by_test_id("stMain").get_by_test_id("stAlert")
