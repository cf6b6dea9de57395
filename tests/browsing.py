"""A real server and a real browser: what the tests in Chromium share. The fixtures `server` and `visit` are in conftest.py."""

import re
from urllib.parse import urlsplit

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
# Drawing what moves costs more than all else: a test of motion asks for it.
STILL = {"viewport": DESK, "reduced_motion": "reduce"}
OWN_HOSTS = {"127.0.0.1", "localhost"}
# Streamlit does not know under which path it is served: it asks at a page's address before it asks at the server's root. It takes
# any answer but an error for a yes, and would then look for everything under the page's address. So the 404 is right.
SEARCH_FOR_THE_SERVER = re.compile(r"/[a-z_]+/_stcore/(health|host-config)")
NOT_FOUND = "Failed to load resource: the server responded with a status of 404 (Not Found)"
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


class Tabs:
    """A tab with a mouse and one with touch, which tests have one after another.

    A tab keeps Streamlit's scripts compiled: half the work of a visit. Between tests it forgets cookies and what pages store.
    """

    def __init__(self, browser):
        self.browser, self.kept, self.lent = browser, {}, []

    def take(self, viewport, reduced_motion, color_scheme="light", **device):
        """A page with these settings: the tab that is kept, or another one where that is in use."""
        key = tuple(sorted(device.items()))
        page = self.kept.get(key)
        if page in self.lent or page is None or page.is_closed():
            page = self.browser.new_context(**device).new_page()
            if self.kept.get(key) not in self.lent:
                self.kept[key] = page
        page.set_default_timeout(60_000)
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme=color_scheme, reduced_motion=reduced_motion)
        self.lent.append(page)
        return page

    def give_back(self, page):
        """Leaves the dashboard for an address of the same server: to a blank page the tab would change its process."""
        self.lent.remove(page)
        server = urlsplit(page.url)
        if page not in self.kept.values():
            page.context.close()
        elif server.scheme == "http" and not page.is_closed():
            for other in page.context.pages:
                if other is not page:
                    other.close()
            try:
                page.goto(f"http://{server.netloc}/_stcore/health")
                page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
                page.context.clear_cookies()
            except sync_api.Error:  # the server is gone
                page.context.close()


def listen(page, problems):
    """Notes each message on the console and each request to anybody else; returns what ends it."""

    def heard(message):
        address = message.location.get("url", "")
        if message.text != NOT_FOUND or not SEARCH_FOR_THE_SERVER.fullmatch(urlsplit(address).path):
            problems.append(f"console: {message.type}: {message.text} ({address})")

    def asked(request):
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.hostname not in OWN_HOSTS:
            problems.append(f"request to {request.url}")

    def failed(error):
        problems.append(f"page error: {error}")

    listeners = {"console": heard, "pageerror": failed, "request": asked, "websocket": asked}
    for event, listener in listeners.items():
        page.on(event, listener)

    def end():
        for event, listener in listeners.items():
            page.remove_listener(event, listener)

    return end


def assert_opened(page, title):
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    expect(sidebar(page).get_by_role("combobox", name="Story")).to_have_count(1)  # for a moment the one before is there too
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
    wanted = page.get_by_role("option", name=option, exact=True)
    expect(page.get_by_role("option").first).to_be_visible()
    if not wanted.count():  # of a long list only what is in sight is there
        page.keyboard.type(option)
    wanted.click()


def finished(page, last=21):
    """Waits for the end of the run, which has so many rows; returns the verdict."""
    grown(page, 1)
    choose(page, "Pace", "fast pace")
    expect(button(page, "Train")).to_be_visible(timeout=200_000)  # training takes as long as it takes
    expect(heatmap(page)).to_have_attribute("data-rows", str(last))  # drawn after the verdict
    return verdict(page).inner_text()


def verdict(page):
    return page.get_by_test_id("stMain").get_by_test_id("stAlert")
