"""The server beside its pages: what it does when it starts and ends, and what it tells a machine that asks.

`streamlit run dashboard.py` imports that file once, finds its st.App, and from then on runs it as a script for every viewer.
Where a host knows no st.App the script runs all the same; what stands here is missing then.
"""

from __future__ import annotations

import asyncio
import gc
import hmac
import logging
import os
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pages.server import streamlit_private
from pages.server.browser_cookie import BrowserCookie
from pages.server.upload_quota import Uploads
from pages.state import session
from rnnkit.serving import event_log
from rnnkit.serving.resources import resident, return_memory

SETTING = "RNNKIT_STATUS"  # environment variable, or secret of this name, that holds the key of the status page
STARTED = time.monotonic()
TIDY = 30.0  # seconds between two looks for sessions that have come to their end


def admits(key: str) -> bool:
    """Whether the status is for whoever gives this key; for nobody where the server has none."""
    word = os.environ.get(SETTING, "")
    return bool(word) and hmac.compare_digest(key.encode(errors="replace"), word.encode(errors="replace"))


def facts() -> dict[str, Any]:
    """What goes on in this server, as plain JSON values."""
    told = session.pool().summary()
    _busy.look([worker["pid"] for worker in told["workers"]])
    for worker in told["workers"]:
        worker["cores"] = _busy.cores.get(worker["pid"])
    server = {"megabytes": resident(), "cores": _busy.cores.get("server"), "seconds": time.monotonic() - STARTED}
    return told | {"tabs": Tabs.open, "server": server, "warnings": list(_heard.last)}


class Tabs:
    """Counts the browser tabs that have a page open: each holds one connection."""

    open = 0

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        one = scope["type"] == "websocket"
        Tabs.open += one
        try:
            await self.app(scope, receive, send)
        finally:
            Tabs.open -= one


class Deeper:
    """Sends a reader of /lab/xyz to /xyz: all pages stand at the top, and from below the browser would not find its scripts."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app: ASGIApp = self.app
        if scope["type"] == "http" and scope["method"] == "GET" and (to := _top(Request(scope))):
            app = RedirectResponse(to, 307)
        await app(scope, receive, send)


def _top(request: Request) -> str:
    """Where to, seen from the address that was asked for; "" where it is no page below another one."""
    base = st.get_option("server.baseUrlPath").strip("/")
    parts = request.url.path.strip("/").removeprefix(base).strip("/").split("/")
    page = (
        "text/html" in request.headers.get("accept", "")
        and not parts[0].startswith("_")
        and parts[0] not in streamlit_private.FILE_PATHS
    )
    if len(parts) < 2 or not page:
        return ""
    up = len(parts) - (0 if request.url.path.endswith("/") else 1)
    return "../" * up + parts[-1] + (f"?{request.url.query}" if request.url.query else "")


class _Busy:
    """How many cores the server and its workers kept busy between the last two looks."""

    def __init__(self) -> None:
        self.when = -1.0
        self.spent: dict[int | str, float] = {}
        self.cores: dict[int | str, float] = {}

    def look(self, workers: list[int]) -> None:
        seconds = time.monotonic() - self.when
        if seconds < 1:  # too short to say, and somebody else has just looked
            return
        spent: dict[int | str, float] = {"server": time.process_time()}
        spent |= {pid: t for pid in workers if (t := _cpu(pid)) is not None}
        self.cores = {who: (t - self.spent[who]) / seconds for who, t in spent.items() if who in self.spent}
        self.when, self.spent = time.monotonic(), spent


def _cpu(pid: int) -> float | None:
    """Seconds of CPU that a process has used so far; None where there is no /proc to ask."""
    try:
        numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")


class _Heard(logging.Handler):
    """Keeps the journal's last warnings, in words."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last: deque[str] = deque(maxlen=8)

    def emit(self, record: logging.LogRecord) -> None:
        fields = "; ".join(f"{name}: {value}" for name, value in getattr(record, "fields", {}).items())
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        self.last.append(f"{clock} {record.getMessage()}{' (' if fields else ''}{fields}{')' if fields else ''}")


_busy, _heard = _Busy(), _Heard()


# ---- for dashboard.py ----


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """The training process starts with the server instead of with the first visitor, and ends with it."""
    event_log.to_stderr()
    gc.freeze()  # what is there now stays; and a search of everything, 0.2 s with a full lecture hall, should be rare
    gc.set_threshold(20_000, 50, 20)
    logging.getLogger("rnnkit").addHandler(_heard)
    pool = session.pool()
    tidying = asyncio.create_task(_tidy())
    try:
        yield
    finally:
        tidying.cancel()
        pool.close()


async def _tidy() -> None:
    while True:
        await asyncio.sleep(TIDY)
        forget_sessions()


def forget_sessions() -> None:
    """Gives back the memory of viewers who have gone.

    Streamlit keeps their sessions for two minutes, but looks at the clock only when somebody else goes; and they are circles of
    objects, which Python finds only after much new has been made. Neither happens once a class has gone.
    """
    if streamlit_private.expire_sessions():
        return_memory()


def _health(_request: Request) -> Response:
    why = session.pool().trouble
    return PlainTextResponse(why or "ok", status_code=503 if why else 200, headers={"Cache-Control": "no-store"})


def _status(request: Request) -> Response:
    if not admits(request.query_params.get("key", "")):
        return PlainTextResponse("Not Found", status_code=404)
    return JSONResponse(facts(), headers={"Cache-Control": "no-store"})


ROUTES = [Route("/health", _health), Route("/status.json", _status)]
MIDDLEWARE = [Middleware(Tabs), Middleware(Uploads), Middleware(Deeper), Middleware(BrowserCookie)]
