"""A cookie that identifies a browser, so that a viewer can use their uploads after a reload.

The cookie holds a random token and nothing about the viewer. Scripts in the page cannot read it (HttpOnly), and the browser
deletes it when it closes. A host that runs the script without st.App sets no cookie. A viewer is then identified by the session.
"""

from __future__ import annotations

import re
import secrets

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NAME = "rnnkit_browser"
TOKEN = re.compile(r"[\w-]{43}", re.ASCII)  # as secrets.token_urlsafe(32) makes them


def browser() -> str:
    """Returns the token of this viewer's browser, "" where it sent none."""
    token = str(st.context.cookies.get(NAME, ""))  # AppTest replaces st.context
    return token if TOKEN.fullmatch(token) else ""


class BrowserCookie:
    """Middleware: sets a new cookie in a browser that opens a page without one."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                secure = "; Secure" if scope["scheme"] == "https" else ""
                cookie = f"{NAME}={secrets.token_urlsafe(32)}; Path=/; HttpOnly; SameSite=Lax{secure}"
                MutableHeaders(scope=message).append("set-cookie", cookie)
            await send(message)

        await self.app(scope, receive, with_cookie if _unknown(scope) else send)


def _unknown(scope: Scope) -> bool:
    """Returns whether this is a request for a page from a browser without a cookie."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    request = Request(scope)
    return "text/html" in request.headers.get("accept", "") and not TOKEN.fullmatch(request.cookies.get(NAME, ""))
