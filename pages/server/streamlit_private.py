"""Everything that the dashboard uses of Streamlit beyond its documentation, and nothing else.

A minor release of Streamlit may change any of it. Each part states the private name that it uses and has a contract test in
tests/pages/test_streamlit_private.py, which also checks that no other file of the dashboard uses one.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import wraps

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime import Runtime, get_instance
from streamlit.runtime.app_session import AppSession, AppSessionState
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.runtime.scriptrunner_utils import script_requests
from streamlit.runtime.scriptrunner_utils.script_requests import (
    RerunData,
    ScriptRequests,
    ScriptRequestType,
    _has_active_trigger_value,
)
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState, get_script_run_ctx

# ---- settings and addresses ----

# Options in .streamlit/config.toml that Streamlit hides from its list of options (ConfigOption.visibility).
HIDDEN_OPTIONS = {"runner.postScriptGC": False, "global.maxCachedMessageAge": 20, "logger.hideWelcomeMessage": True}

# Where Streamlit's page sends an uploaded file (PUT). The address is built in its server's routes.
UPLOAD_PATH = "/_stcore/upload_file/"

# First parts of the addresses of Streamlit's files (BASE_ROUTE_... of its server), beside those that begin with "_".
FILE_PATHS = ("static", "media", "component", "app")


# ---- the page's markup ----

# Name -> CSS selector. Streamlit documents only the classes st-key-*; these are other classes, test ids and attributes.
SELECTORS = {
    "app": ".stApp",
    "header": ".stAppHeader",
    "page-name": "[data-testid=stTopNavLink]",  # in the header
    "sidebar": ".stSidebar",
    "collapse": "[data-testid=stSidebarCollapseButton]",
    "main": ".stMain",
    "block": ".stMainBlockContainer",
    "element": ".stElementContainer",
    "html": ".stHtml",
    "chart": ".stVegaLiteChart",
    "alert": "[data-testid=stAlertContainer]",
    "number": ".stNumberInput",
    "caption": "[data-testid=stCaptionContainer]",
    "markdown": "[data-testid=stMarkdownContainer]",
    "slider-value": "[data-testid=stSliderThumbValue]",
    "plain-button": "[data-testid^=stBaseButton-]:not([data-testid*=primary])",
    "selected": "[data-selected=true]",  # of a segmented control
    "stale": "[data-stale=true]",  # what is being computed again
}


def resolve(text: str) -> str:
    """Replaces each `.streamlit-NAME` in CSS or JavaScript by the selector of that name. Raises KeyError for an unknown name."""
    return re.sub(r"\.streamlit-([a-z-]+)", lambda found: SELECTORS[found[1]], text)


# ---- memory ----


def uploaded_bytes() -> int:
    """Returns the bytes of all uploaded files that Streamlit holds (`file_storage` of the memory file manager)."""
    sessions = getattr(get_instance().uploaded_file_mgr, "file_storage", {}) if Runtime.exists() else {}
    return sum(len(file.data) for files in list(sessions.values()) for file in list(files.values()))


def expire_sessions() -> bool:
    """Drops sessions that ended two minutes ago. Returns whether there were any (`_cache` of the session storage).

    Streamlit checks the time only when another session ends, so the last sessions of a class would stay.
    """
    with suppress(AttributeError, RuntimeError):
        return bool(get_instance()._session_mgr._session_storage._cache.expire())  # type: ignore[attr-defined]
    return False


# ---- the log ----


def quiet_caches() -> None:
    """Drops the warning "No runtime found" (logger streamlit.runtime.caching.cache_data_api).

    The server imports the pages before Streamlit's runtime exists. That is harmless, and would be logged a dozen times.
    """
    log = logging.getLogger("streamlit.runtime.caching.cache_data_api")
    log.addFilter(lambda record: "No runtime found" not in str(record.msg))


# ---- reruns of a fragment ----

LAST_EVENTS_SECONDS = 0.002  # between two looks for whether all events of a ScriptRunner have been handled


def rerun_fragment_every(seconds: float | None) -> None:
    """Sets the browser's timer of the fragment that is being drawn to a new interval, or stops it (messages `auto_rerun`).

    The browser's timer does not wait for answers, so a slow server gets more polls than it can answer. A new interval restarts
    the timer. The public `run_every` changes an interval only in a full rerun, which costs as much as several frames.
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


def stay_on_page(
    request: Callable[[ScriptRequests, RerunData], bool],
) -> Callable[[ScriptRequests, RerunData], bool]:
    """Returns `ScriptRequests._request_rerun_locked` that keeps the page of a full rerun that waits.

    A poll names the page that the browser believes current. Where it meets a waiting full rerun (a click in the menu,
    st.switch_page), Streamlit makes one full rerun of both, of the poll's page, and the click is lost.
    """

    @wraps(request)
    def request_rerun(self: ScriptRequests, asked: RerunData) -> bool:
        waits, polls = self._rerun_data, asked.fragment_id or asked.fragment_id_queue
        if polls and self._state == ScriptRequestType.RERUN and not waits.fragment_id_queue:
            kept = {name: getattr(waits, name) for name in ("page_script_hash", "page_name", "query_string")}
            asked = replace(asked, **kept)
        return request(self, asked)

    return request_rerun


def without_clicks(
    request: Callable[[ScriptRequests, RerunData], bool],
) -> Callable[[ScriptRequests, RerunData], bool]:
    """Returns `ScriptRequests._request_rerun_locked` that ignores the clicks that a poll brings (`_has_active_trigger_value`).

    Streamlit's page sends a click a moment after it (`scheduleFlush`). A poll within this moment brings the click as well, and
    its callback would be called twice: Step would take two steps.
    """

    @wraps(request)
    def request_rerun(self: ScriptRequests, asked: RerunData) -> bool:
        if asked.is_auto_rerun and asked.widget_states:
            values = [state for state in asked.widget_states.widgets if not _has_active_trigger_value(state)]
            asked = replace(asked, widget_states=WidgetStates(widgets=values))
        return request(self, asked)

    return request_rerun


def clicks_in_order(
    coalesce: Callable[[WidgetStates | None, WidgetStates | None], WidgetStates | None],
) -> Callable[[WidgetStates | None, WidgetStates | None], WidgetStates | None]:
    """Returns `script_requests._coalesce_widget_states` that puts the new clicks last.

    Callbacks are called in this order. Streamlit puts the clicks that wait last: who had pressed Train and then Pause saw it
    train.
    """

    @wraps(coalesce)
    def coalesce_widget_states(old: WidgetStates | None, new: WidgetStates | None) -> WidgetStates | None:
        states = coalesce(old, new)
        if not new or not states:
            return states
        clicked = {state.id for state in new.widgets if _has_active_trigger_value(state)}
        return WidgetStates(widgets=sorted(states.widgets, key=lambda state: state.id in clicked))

    return coalesce_widget_states


def only_existing(run: Callable[[ScriptRunner, RerunData], None]) -> Callable[[ScriptRunner, RerunData], None]:
    """Returns `ScriptRunner._run_script` that ignores a rerun of fragments that no longer exist.

    A poll that the browser sent before it received another page is answered after that page. Streamlit finds nothing to draw, but
    tells the browser that it is on the previous page. At the next rerun the browser then clears the present page and fails.
    """

    @wraps(run)
    def run_script(self: ScriptRunner, asked: RerunData) -> None:
        if not asked.fragment_id_queue or any(map(self._fragment_storage.contains, asked.fragment_id_queue)):
            run(self, asked)

    return run_script


def after_last_events(create: Callable[[AppSession, RerunData], None]) -> Callable[[AppSession, RerunData], None]:
    """Returns `AppSession._create_scriptrunner` that first hears the ScriptRunner before to its end.

    A ScriptRunner that has ended is replaced where a poll comes before its last events have been handled, and Streamlit drops
    these: elements are never drawn, and what was to go stays (issue 9921 of streamlit/streamlit is of this kind). The poll waits.
    """

    @wraps(create)
    def create_scriptrunner(self: AppSession, asked: RerunData) -> None:
        if self._state == AppSessionState.SHUTDOWN_REQUESTED:
            return
        if self._scriptrunner is None:
            create(self, asked)
        elif not self._scriptrunner.request_rerun(asked):
            self._event_loop.call_later(LAST_EVENTS_SECONDS, create_scriptrunner, self, asked)

    return create_scriptrunner


AppSession._create_scriptrunner = after_last_events(AppSession._create_scriptrunner)  # type: ignore[method-assign, assignment]
ScriptRequests._request_rerun_locked = stay_on_page(without_clicks(ScriptRequests._request_rerun_locked))  # type: ignore[method-assign, assignment]
script_requests._coalesce_widget_states = clicks_in_order(script_requests._coalesce_widget_states)  # type: ignore[assignment]
ScriptRunner._run_script = only_existing(ScriptRunner._run_script)  # type: ignore[method-assign, assignment]
