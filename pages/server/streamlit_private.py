"""Everything the dashboard uses of Streamlit that its documentation does not promise, and nothing else.

A minor release of Streamlit may change any of it. Each part names the private name it relies on and has a contract test in
tests/pages/test_streamlit_private.py, which also checks that no other file of the dashboard knows such a name.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextlib import suppress
from functools import wraps

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import Runtime, get_instance
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState, get_script_run_ctx

# ---- settings and addresses ----

# Options in .streamlit/config.toml that Streamlit hides from its list of options (ConfigOption.visibility).
HIDDEN_OPTIONS = {"runner.postScriptGC": False}

# Where Streamlit's page sends an uploaded file (PUT). The address is built in its server's routes.
UPLOAD_PATH = "/_stcore/upload_file/"

# First parts of the addresses of Streamlit's files (BASE_ROUTE_... of its server), beside those that begin with "_".
FILE_PATHS = ("static", "media", "component", "app")


# ---- the page's markup ----

# Name -> CSS selector. Streamlit documents only the classes st-key-*; these are other classes, test ids and attributes.
SELECTORS = {
    "app": ".stApp",
    "header": ".stAppHeader",
    "main": ".stMain",
    "block": ".stMainBlockContainer",
    "element": ".stElementContainer",
    "html": ".stHtml",
    "chart": ".stVegaLiteChart",
    "number": ".stNumberInput",
    "caption": "[data-testid=stCaptionContainer]",
    "markdown": "[data-testid=stMarkdownContainer]",
    "slider-value": "[data-testid=stSliderThumbValue]",
    "plain-button": "[data-testid^=stBaseButton-]:not([data-testid*=primary])",
    "selected": "[data-selected=true]",  # of a segmented control
    "stale": "[data-stale=true]",  # what is being computed anew
}


def resolve(text: str) -> str:
    """CSS or JavaScript with each `.streamlit-NAME` replaced by the selector of that name; KeyError for an unknown name."""
    return re.sub(r"\.streamlit-([a-z-]+)", lambda found: SELECTORS[found[1]], text)


# ---- memory ----


def uploaded_bytes() -> int:
    """Bytes of all uploaded files that Streamlit keeps (`file_storage` of the memory file manager)."""
    sessions = getattr(get_instance().uploaded_file_mgr, "file_storage", {}) if Runtime.exists() else {}
    return sum(len(file.data) for files in list(sessions.values()) for file in list(files.values()))


def expire_sessions() -> bool:
    """Drops the sessions whose two minutes are over, and says whether there were any (`_cache` of the session storage).

    Streamlit looks at the clock only when another session ends, so the last ones of a class would stay.
    """
    with suppress(AttributeError, RuntimeError):
        return bool(get_instance()._session_mgr._session_storage._cache.expire())  # type: ignore[attr-defined]
    return False


# ---- the log ----


def quiet_caches() -> None:
    """Drops the warning "No runtime found" (logger streamlit.runtime.caching.cache_data_api).

    The server imports the pages before Streamlit's runtime exists. That is fine, and would be logged a dozen times.
    """
    log = logging.getLogger("streamlit.runtime.caching.cache_data_api")
    log.addFilter(lambda record: "No runtime found" not in str(record.msg))


# ---- reruns of a fragment ----


def rerun_fragment_every(seconds: float | None) -> None:
    """Sets the browser's timer of the fragment that is being drawn to a new interval, or stops it (messages `auto_rerun`).

    The browser's timer does not wait for answers, so a slow server is asked faster than it can answer. A new interval makes the
    timer start again. By its public means (`run_every`) Streamlit changes an interval only in a run of the whole page, which
    costs as much as several frames.
    """
    message, context = ForwardMsg(), get_script_run_ctx()
    if not context or not (fragment := ThreadState.get().fragment_id):
        return
    if seconds is None:
        message.stop_auto_rerun.fragment_ids.append(fragment)
    else:
        message.auto_rerun.interval = seconds
        message.auto_rerun.fragment_id = fragment
    context.enqueue(message)


def only_existing(run: Callable[[ScriptRunner, RerunData], None]) -> Callable[[ScriptRunner, RerunData], None]:
    """`ScriptRunner._run_script` that ignores a rerun of fragments that no longer exist.

    A rerun that was asked for while another page was on its way is answered after it: Streamlit finds nothing to draw, but tells
    the browser that it is on the page before. With the next rerun the browser then clears the page that it has, and breaks.
    """

    @wraps(run)
    def run_script(self: ScriptRunner, asked: RerunData) -> None:
        if not asked.fragment_id_queue or any(map(self._fragment_storage.contains, asked.fragment_id_queue)):
            run(self, asked)

    return run_script


ScriptRunner._run_script = only_existing(ScriptRunner._run_script)  # type: ignore[method-assign, assignment]
