"""How many browser tabs have a page open."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class Tabs:
    """Middleware: counts the browser tabs that have a page open. Each has one connection."""

    open = 0  # also where the server does without this middleware
    most = 0  # since memory was last returned

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        one = scope["type"] == "websocket"
        Tabs.open += one
        Tabs.most = max(Tabs.most, Tabs.open)
        try:
            await self.app(scope, receive, send)
        finally:
            Tabs.open -= one
