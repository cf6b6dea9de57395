"""A cookie of our own that tells one browser from another, so that a reloaded page knows what its viewer brought along.

The cookie holds a random token and nothing about the viewer. Scripts in the page cannot read it (HttpOnly), and the browser
forgets it when it closes. Where a host runs the script without st.App, no cookie is set and a viewer is known by the session.
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
    """The token of this viewer's browser; "" where it sent none."""
    token = str(st.context.cookies.get(NAME, ""))  # a test of Streamlit's puts something else in its place
    return token if TOKEN.fullmatch(token) else ""


class BrowserCookie:
    """Middleware: gives a browser that opens a page without the cookie a new one."""

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
    """Whether this asks for a page and comes from a browser without a cookie."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    request = Request(scope)
    return "text/html" in request.headers.get("accept", "") and not TOKEN.fullmatch(request.cookies.get(NAME, ""))
