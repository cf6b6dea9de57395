"""Settings of all tests: one thread, so that sums are always taken in the same order, and reproducible examples."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import hypothesis
import pytest
import torch
from hypothesis.configuration import set_hypothesis_home_dir

ROOT = Path(__file__).resolve().parents[1]

torch.set_num_threads(1)
os.environ.setdefault("STREAMLIT_CLIENT_SHOW_ERROR_DETAILS", "full")  # pages/ui/errors.py hides from viewers what a test must see
set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "rnnkit-hypothesis")
hypothesis.settings.register_profile("rnnkit", deadline=None, derandomize=True, database=None, max_examples=60)
hypothesis.settings.load_profile("rnnkit")


def pytest_collection_modifyitems(config, items):
    """Marks what drives a browser: server, training process and browser need both cores, so nothing else runs beside it.

    What is slow is skipped unless `-m` asks for it by that name.
    """
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
        if item.get_closest_marker("slow"):  # not `in item.keywords`, which hold the names of folders
            item.add_marker(pytest.mark.timeout(3600))
            if "slow" not in config.option.markexpr:
                item.add_marker(pytest.mark.skip(reason="slow: pytest -m slow"))


@pytest.fixture
def in_fresh_python():
    """run(code, **environment) -> what a new Python process prints, started in the repository's root."""

    def run(code: str, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


# ---- the dashboard in this process ----


@pytest.fixture(scope="module")
def pool():
    """One pool for a file; its worker processes end with it."""
    from pages.state import session

    session.pool.clear()
    yield session.pool()
    session.pool().close()
    session.pool.clear()


def page_alone(name):
    import dashboard

    dashboard.show(name)


@pytest.fixture
def app(pool):
    """app(query, page=name) -> the dashboard (or one page with its sidebar), opened with this link.

    Afterwards nobody watches any run, so that workers are free."""
    import streamlit
    from streamlit.testing.v1 import AppTest

    streamlit.set_option("client.showErrorDetails", "full")  # as above; the variable is for servers

    def open_(query=(), page=None, **more):
        if page is None:
            at = AppTest.from_file(str(ROOT / "dashboard.py"), default_timeout=60)
        else:
            at = AppTest.from_function(page_alone, args=(page,), default_timeout=60)
        at.query_params.update(dict(query) | more)
        return at.run()

    yield open_
    for run in list(pool.runs.values()):
        for viewer in list(run.viewers):
            pool.leave(run, viewer)


@pytest.fixture
def nothing_given():
    """Afterwards the server has forgotten what viewers brought."""
    from pages.state import uploads
    from rnnkit.tasks import data

    yield
    uploads.shelf.clear()
    data.KEPT.clear()


# ---- the dashboard in a browser ----


@pytest.fixture(scope="session")
def browser():
    browsing = pytest.importorskip("browsing", reason="needs Playwright: pip install playwright", exc_type=ImportError)
    path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    if not shutil.which(path):
        pytest.skip(f"needs Chromium, there is none at {path}: set the environment variable CHROMIUM to its path")
    with browsing.sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=browsing.FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(browser, tmp_path_factory):
    """The dashboard, served to all tests."""
    import browsing

    server = browsing.Server(tmp_path_factory.mktemp("server") / "log")
    yield server
    server.kill()


@pytest.fixture
def fresh(browser, tmp_path):
    """A server that nobody has visited yet."""
    import browsing

    server = browsing.Server(tmp_path / "log")
    yield server
    server.kill()


@pytest.fixture
def problems():
    """What went wrong in the browser so far; a test that expects something takes it out."""
    return []


# Streamlit does not know under which path it is served: it asks at a page's address before it asks at the server's root. It takes
# any answer but an error for a yes, and would then look for everything under the page's address. So the 404 is right.
SEARCH_FOR_THE_SERVER = re.compile(r"/[a-z]+/_stcore/(health|host-config)")
NOT_FOUND = "Failed to load resource: the server responded with a status of 404 (Not Found)"


@pytest.fixture
def visit(browser, problems):
    """visit(address, **context options) -> a new browser's page. No message on the console, and no request to anybody else."""
    import browsing

    contexts = []

    def heard(message):
        address = message.location.get("url", "")
        if message.text != NOT_FOUND or not SEARCH_FOR_THE_SERVER.fullmatch(urlsplit(address).path):
            problems.append(f"console: {message.type}: {message.text} ({address})")

    def asked(request):
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.hostname not in browsing.OWN_HOSTS:
            problems.append(f"request to {request.url}")

    def open_(address, **options):
        contexts.append(browser.new_context(**({"viewport": browsing.DESK} | options)))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        page.on("console", heard)
        page.on("pageerror", lambda error: problems.append(f"page error: {error}"))
        page.on("request", asked)
        page.on("websocket", asked)
        page.goto(address)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert problems == []
