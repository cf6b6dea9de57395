"""How the dashboard feels, measured in a real browser on a server of its own: `python benchmarks/feel.py`.

Prints seconds from `streamlit run` to the first paint, of a later visitor, from Train to the first live frame with a warm worker,
and frames a second for one viewer; then, for every preset, seconds until its networks are trained and until it is shown
to the end. Needs requirements-dev.txt and a Chromium. Absolute times of one machine: compare them with themselves only.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from rnnkit.serving.run_pool import RunPool  # noqa: E402
from rnnkit.stories.presets import PRESETS  # noqa: E402

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", nargs="+", default=list(PRESETS), choices=list(PRESETS), metavar="NAME", help="to train")
    args = parser.parse_args()
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "dashboard.py", "--server.headless", "true", "--server.port", str(port)]
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=FLAGS)
        browser.new_page().goto("about:blank")
        start = time.perf_counter()
        environment = os.environ | {"RNNKIT_STORE": "off"}
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(port)
            url = f"http://127.0.0.1:{port}"
            visit(browser, url, start, "streamlit run to")
            time.sleep(15)  # the first run is trained
            for page in (p for context in browser.contexts for p in context.pages):
                page.close()  # other visitors use other machines
            visit(browser, url, time.perf_counter(), "a later visitor to")
            first_frame(browser, url)
        finally:
            server.kill()
    trainings(args.presets)


def visit(browser: Browser, url: str, start: float = 0.0, who: str = "") -> Page:
    page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    page.goto(url)
    for selector, what in (("[data-testid=stMain]", "first paint"), ("h3", "headline"), (".heatmap", "heatmap")):
        page.wait_for_selector(selector)
        if who:
            report(f"{who} {what}", start)
    return page


def first_frame(browser: Browser, url: str) -> None:
    """A link nobody opened before, which plays only after Reset and Train."""
    slow = replace(PRESETS["forgets"].experiment, seed=77, steps=300)
    page = visit(browser, url + "/?" + "&".join(f"{k}={v}" for k, v in slow.to_query().items()))
    page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_role("button", name="Reset", exact=True).click()
    page.wait_for_selector(".heatmap[data-rows='1']")
    start = time.perf_counter()
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_function(f"() => ({ROWS})() > 1")
    report("Train to the first live frame, warm worker", start)
    count = f"""() => new Promise(done => {{
        let frames = 0, last = 0; const end = performance.now() + 5000;
        (function look() {{ const n = ({ROWS})(); frames += n !== last; last = n;
            performance.now() < end ? requestAnimationFrame(look) : done(frames / 5) }})() }})"""
    print(f"{page.evaluate(count):6.1f} frames a second for one viewer")


ROWS = """() => { for (const e of document.querySelectorAll('*')) {
    const h = e.shadowRoot?.querySelector('.heatmap'); if (h) return +h.dataset.rows } return 0 }"""


def trainings(presets: Sequence[str]) -> None:
    pool = RunPool()
    time.sleep(5)
    for name in presets:
        run = pool.get(replace(PRESETS[name].experiment, seed=900))
        start = time.perf_counter()
        while not run.done:
            pool.watch(run, "benchmark", run.rows)
            time.sleep(0.02)
        seconds = time.perf_counter() - start
        print(f"{seconds:6.1f} s to train {name}, shown to the end after {max(8.0, seconds):.1f} s at the normal pace")
    pool.close()


def report(what: str, start: float) -> None:
    print(f"{time.perf_counter() - start:6.2f} s {what}", flush=True)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port: int) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.02)


if __name__ == "__main__":
    main()
