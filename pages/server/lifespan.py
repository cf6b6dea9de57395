"""The start and the end of the server.

The server answers at once. A thread imports the pages meanwhile, and starts the training process before it does so.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import streamlit as st

from pages.server import app
from pages.ui import registry
from rnnkit.serving import event_log

MAX_HOLD = 0.0005  # seconds for which an import holds Python's lock while the browser asks for a hundred files


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Starts the training process with the server, before the first viewer, and ends it with the server."""
    print("The dashboard:", *_addresses(), flush=True)
    event_log.to_stderr()
    logging.getLogger("rnnkit").addHandler(app.recent_warnings)
    threading.Thread(target=_prepare, daemon=True).start()
    tidying = asyncio.create_task(app.tidy())
    try:
        yield
    finally:
        tidying.cancel()
        app.pool().close()


def _addresses() -> list[str]:
    """Returns where this server is: on this machine and, unless it is bound to one address, in its network."""
    hosts = [st.get_option("server.address") or "localhost"]
    if hosts == ["localhost"]:
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
            route.connect(("192.0.2.1", 1))  # sends nothing: it asks the system by which of its addresses others are reached
            hosts.append(route.getsockname()[0])
    end = f"{st.get_option('server.port')}/{st.get_option('server.baseUrlPath').strip('/')}"
    return [f"http://{host}:{end}" for host in hosts]


def _prepare() -> None:
    """Starts the training process and imports all pages, while the first browser loads Streamlit's scripts."""
    gc.disable()  # nothing that an import makes is garbage
    interval = sys.getswitchinterval()
    sys.setswitchinterval(MAX_HOLD)
    try:
        app.pool()
        from pages.server import script  # noqa: F401
        from pages.state import session

        registry.pages()
        session.presets()
    finally:
        sys.setswitchinterval(interval)
        gc.freeze()  # present objects stay; full collections, 0.2 s with a full lecture hall, become rare
        gc.set_threshold(20_000, 50, 20)
        gc.enable()
