"""Settings of all tests: one thread, so that sums are always taken in the same order, and reproducible examples."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import hypothesis
import pytest
import torch
from hypothesis.configuration import set_hypothesis_home_dir

ROOT = Path(__file__).resolve().parents[1]

torch.set_num_threads(1)
os.environ.setdefault("STREAMLIT_CLIENT_SHOW_ERROR_DETAILS", "full")  # pages/ui/errors.py hides from viewers what a test must see
os.environ["RNNKIT_STORE"] = "off"  # no test reads or writes the results of the user; one that needs a store names its own
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


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With `--dist loadfile` each claim stands alone, since it trains for seconds: both cores work to the end."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class FilesAndClaims(LoadFileScheduling):
        def _split_scope(self, nodeid):
            return nodeid if "::test_claim_holds_on_fresh_seeds[" in nodeid else super()._split_scope(nodeid)

    return FilesAndClaims(config, log)


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
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


# ---- the dashboard in this process ----


@pytest.fixture(scope="session")
def workers():
    """One pool for all tests: a worker takes seconds to load torch. Its processes end with it."""
    from pages.state import session

    session.pool.clear()
    yield session.pool()
    session.pool().close()
    session.pool.clear()


@pytest.fixture(scope="module")
def pool(workers):
    """A pool that knows no run and no answer yet."""
    yield workers
    for run in list(workers.runs.values()):
        for viewer in list(run.viewers):
            workers.leave(run, viewer)
    workers.runs.clear()
    workers.answers.clear()


def page_alone(name):
    import dashboard

    dashboard.show(name)


@pytest.fixture
def app(pool, monkeypatch):
    """app(query, page=name) -> the dashboard (or one page with its sidebar), opened with this link.

    Its address is the one that the second rerun writes; the first keeps the link (test_links.py). Afterwards nobody watches any
    run, so that workers are free."""
    import streamlit
    from streamlit.testing.v1 import AppTest

    from pages.state import navigation

    monkeypatch.setattr(navigation, "in_browser", lambda: True)

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
    """Before and afterwards the server has forgotten what viewers, and other tests, brought."""
    from pages.state import uploads
    from rnnkit.tasks.data import STORE

    for store in (uploads.store, STORE):
        store.clear()
    yield
    for store in (uploads.store, STORE):
        store.clear()


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


@pytest.fixture(scope="session")
def tabs(browser):
    import browsing

    return browsing.Tabs(browser)


@pytest.fixture
def visit(tabs, problems):
    """visit(address, **context options) -> the page in a browser that knows nothing of it yet, and wants no motion.

    No message on the console, and no request to anybody else."""
    import browsing

    opened = []

    def open_(address, **options):
        page = tabs.take(**browsing.STILL | options)
        opened.append((page, browsing.listen(page, problems)))
        page.goto(address)
        return page

    yield open_
    for page, end in opened:
        end()
        tabs.give_back(page)
    assert problems == []
