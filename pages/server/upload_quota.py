"""Limits the total size of uploaded files. Streamlit accepts any number of them in a session, each up to server.maxUploadSize
(.streamlit/config.toml), and holds them until the session has ended.
"""

from __future__ import annotations

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from pages.server import streamlit_private
from rnnkit.serving.limits import Limits

MAX_FILES = 10  # of the largest size, of all viewers together
FULL = "This server holds as many uploaded files as it can: try again in some minutes"


class UploadQuota:
    """Middleware: answers 503 to an upload while the uploads of all viewers together have reached the limit."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app = app
        self.max_bytes = 1_000_000 * MAX_FILES * limits.max_upload_megabytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        upload = scope["type"] == "http" and scope["method"] == "PUT" and streamlit_private.UPLOAD_PATH in scope["path"]
        if upload and streamlit_private.uploaded_bytes() >= self.max_bytes:
            await PlainTextResponse(FULL, status_code=503)(scope, receive, send)
        else:
            await self.app(scope, receive, send)
