"""How the dashboard feels, measured in a real browser on a server of its own: `python benchmarks/feel.py`.

Prints seconds from `streamlit run` to the first paint, the heading and the first row of the heatmap, with the CPU seconds until
then; the same of a later visitor; from Train to the first live frame with a warm worker, and frames a second for one; then,
for every preset, seconds until its networks are trained and until it is shown to the end. Needs requirements-dev.txt and a
Chromium. Absolute times of one machine: compare them with themselves only.
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
SEEN = {
    "[data-testid=stMain]": "first paint",
    "h3": "heading",
    ".heatmap[data-rows]:not([data-rows='0'])": "first row of the heatmap",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", nargs="*", default=list(PRESETS), choices=list(PRESETS), metavar="NAME", help="to train")
    parser.add_argument("--starts", type=int, default=3, help="fresh servers, each with a first visitor")
    parser.add_argument("--folder", type=Path, default=ROOT, help="with the dashboard.py to start")
    args = parser.parse_args()
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=FLAGS)
        browser.new_page().goto("about:blank")
        for left in reversed(range(args.starts)):
            port = free_port()
            start, server = time.perf_counter(), serve(args.folder, port)
            try:
                url = f"http://127.0.0.1:{port}"
                visit(browser, url, start, "streamlit run to")
                print(f"{cpu_seconds(server.pid):6.2f} s of CPU of the server until then")
                print(f"{training_seconds(server.pid):6.2f} s of CPU of its training processes until then", flush=True)
                if not left:
                    time.sleep(15)  # the first run is trained
                    close_pages(browser)
                    visit(browser, url, time.perf_counter(), "a later visitor to")
                    close_pages(browser)
                    first_frame(browser, url)
            finally:
                close_pages(browser)  # other visitors use other machines
                server.kill()
                server.wait()
    trainings(args.presets)


def serve(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """Starts a server without a store."""
    command = [sys.executable, "-m", "streamlit", "run", "dashboard.py", "--server.headless", "true", "--server.port", str(port)]
    environment = os.environ | {"RNNKIT_STORE": "off"}
    server = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(port)
    return server


def close_pages(browser: Browser) -> None:
    for page in (page for context in browser.contexts for page in context.pages):
        page.close()


def cpu_seconds(pid: int) -> float:
    """Returns the CPU seconds of a process so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def training_seconds(server: int) -> float:
    """Returns the CPU seconds of the processes that a server has started."""
    children = " ".join(path.read_text() for path in Path(f"/proc/{server}/task").glob("*/children"))
    return sum(cpu_seconds(int(pid)) for pid in children.split())


def visit(browser: Browser, url: str, start: float = 0.0, who: str = "") -> Page:
    page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    page.goto(url, wait_until="commit")
    for selector, what in SEEN.items():
        page.wait_for_selector(selector, state="attached", timeout=120_000)
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
