"""How much of uploaded files the server holds. Streamlit takes any number of them for an open session, each up to its own limit
(server.maxUploadSize in .streamlit/config.toml), and keeps them until the session has ended: here is the limit of them all.
"""

from __future__ import annotations

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from pages.server import streamlit_private
from rnnkit.serving.limits import Limits

FILES = 10  # of the largest size, of all viewers together
FULL = "This server holds as many uploaded files as it can: try again in some minutes"


class Uploads:
    def __init__(self, app: ASGIApp, limits: Limits | None = None) -> None:
        self.app = app
        self.most = 1_000_000 * FILES * (limits or Limits.from_environment()).max_upload_megabytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = scope["type"] == "http" and scope["method"] == "PUT" and streamlit_private.UPLOAD_PATH in scope["path"]
        if given and streamlit_private.uploaded_bytes() >= self.most:
            await PlainTextResponse(FULL, status_code=503)(scope, receive, send)
        else:
            await self.app(scope, receive, send)
