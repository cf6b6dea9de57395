"""The server: its routes (/health, /status.json), its middleware, and what it does from time to time.

`streamlit run dashboard.py` imports that file once, finds its st.App, and then runs it as a script for every viewer. A host
without st.App runs the script alone, without what this module adds.

The server answers before the pages and what they need are imported, so this module imports none of it at its top.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pages.server import streamlit_private
from pages.server.browser_cookie import BrowserCookie
from pages.server.tabs import Tabs
from pages.server.upload_quota import UploadQuota
from pages.ui import registry
from rnnkit.serving.limits import Limits
from rnnkit.serving.resources import resident, return_memory

if TYPE_CHECKING:
    from rnnkit.serving.run_pool import RunPool

SETTING = "RNNKIT_STATUS"  # environment variable, or secret of this name, that holds the key of the status page
STARTED = time.monotonic()
TIDY_SECONDS = 30.0  # between two checks for sessions that have ended, and three checks for a class that has left


def pool() -> RunPool:
    """Returns the server's run pool, whose first caller starts the training process."""
    from pages.state import session

    return session.pool()


def admits(key: str) -> bool:
    """Returns whether this key opens the status. None does where the server has no key."""
    expected = os.environ.get(SETTING, "")
    return bool(expected) and hmac.compare_digest(key.encode(errors="replace"), expected.encode(errors="replace"))


def facts() -> dict[str, Any]:
    """Returns the state of this server as plain JSON values."""
    summary = pool().summary()
    _cpu_load.measure([worker["pid"] for worker in summary["workers"]])
    for worker in summary["workers"]:
        worker["cores"] = _cpu_load.cores.get(worker["pid"])
    server = {"megabytes": resident(), "cores": _cpu_load.cores.get("server"), "seconds": time.monotonic() - STARTED}
    return summary | {"tabs": Tabs.open, "server": server, "warnings": list(recent_warnings.last)}


class Redirect:
    """Middleware: redirects /lab/xyz to /xyz, and the plain address with settings to /lab.

    Below the top level the browser does not find the scripts of a page. Links at the plain address are those of before there was
    a start page; dashboard.py opens the lab for them where this server is not used, with one entry more in the browser's history.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app: ASGIApp = self.app
        if scope["type"] == "http" and scope["method"] == "GET" and (to := _elsewhere(Request(scope))):
            app = RedirectResponse(to, 307)
        await app(scope, receive, send)


def _elsewhere(request: Request) -> str:
    """Returns the relative address to redirect to, "" where the request stays."""
    base = st.get_option("server.baseUrlPath").strip("/")
    parts = request.url.path.strip("/").removeprefix(base).strip("/").split("/")
    page = (
        "text/html" in request.headers.get("accept", "")
        and not parts[0].startswith("_")
        and parts[0] not in streamlit_private.FILE_PATHS
    )
    folder, query = request.url.path.endswith("/"), f"?{request.url.query}" if request.url.query else ""
    if page and len(parts) > 1:
        return "../" * (len(parts) - (not folder)) + parts[-1] + query
    opens = registry.at_plain_address(request.query_params) if page and parts == [""] and folder else registry.START
    return "" if opens == registry.START else opens + query


class _CpuLoad:
    """How many cores the server and its workers used between the last two measurements."""

    def __init__(self) -> None:
        self.when = -1.0
        self.spent: dict[int | str, float] = {}
        self.cores: dict[int | str, float] = {}

    def measure(self, workers: list[int]) -> None:
        seconds = time.monotonic() - self.when
        if seconds < 1:  # too short to measure
            return
        spent: dict[int | str, float] = {"server": time.process_time()}
        spent |= {pid: t for pid in workers if (t := _cpu(pid)) is not None}
        self.cores = {who: (t - self.spent[who]) / seconds for who, t in spent.items() if who in self.spent}
        self.when, self.spent = time.monotonic(), spent


def _cpu(pid: int) -> float | None:
    """Returns the CPU seconds that a process has used so far, None where there is no /proc."""
    try:
        numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")


class _RecentWarnings(logging.Handler):
    """Holds the event log's last warnings as text."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last: deque[str] = deque(maxlen=8)

    def emit(self, record: logging.LogRecord) -> None:
        fields = "; ".join(f"{name}: {value}" for name, value in getattr(record, "fields", {}).items())
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        self.last.append(f"{clock} {record.getMessage()}{' (' if fields else ''}{fields}{')' if fields else ''}")


_cpu_load, recent_warnings = _CpuLoad(), _RecentWarnings()


# ---- for dashboard.py ----


async def tidy() -> None:
    while True:
        for _ in range(3):
            await asyncio.sleep(TIDY_SECONDS / 3)
            collect_after_class()
        forget_sessions()


def forget_sessions() -> None:
    """Frees the memory of viewers who left two minutes ago.

    Streamlit keeps their sessions for so long, 128 of them, but checks the time only when another session ends. Sessions are
    reference cycles, which Python collects only after many new objects. Neither happens once a class has left.
    """
    if streamlit_private.expire_sessions():
        _collect()


def collect_after_class() -> None:
    """Frees the memory of the sessions that are not kept, once half of the tabs have gone: the next class may come at once."""
    if Tabs.open < Tabs.most / 2:
        _collect()


def _collect() -> None:
    return_memory()
    Tabs.most = Tabs.open


def _health(_request: Request) -> Response:
    why = pool().trouble
    return PlainTextResponse(why or "ok", status_code=503 if why else 200, headers={"Cache-Control": "no-store"})


def _status(request: Request) -> Response:
    if not admits(request.query_params.get("key", "")):
        return PlainTextResponse("Not Found", status_code=404)
    return JSONResponse(facts(), headers={"Cache-Control": "no-store"})


ROUTES = [Route("/health", _health), Route("/status.json", _status)]
LIMITS = Limits.from_environment()  # read now: a wrong one ends the start
MIDDLEWARE = [Middleware(Tabs), Middleware(UploadQuota, LIMITS), Middleware(Redirect), Middleware(BrowserCookie)]
