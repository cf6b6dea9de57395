"""What is undocumented of Streamlit: only pages/server/streamlit_private.py knows it, and all of it is still there."""

import ast
import asyncio
import functools
import logging
import re
import tomllib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import streamlit
from conftest import ROOT
from streamlit import config
from streamlit.proto.NewSession_pb2 import Config
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.runtime import Runtime, app_session
from streamlit.runtime.app_session import AppSession, AppSessionState
from streamlit.runtime.caching import cache_data_api
from streamlit.runtime.fragment import MemoryFragmentStorage
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests
from streamlit.runtime.scriptrunner_utils.script_run_context import FragmentThreadState
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager
from streamlit.web.server.starlette import starlette_routes

from pages.server import streamlit_private as private

THE_FILE = ROOT / "pages/server/streamlit_private.py"
SHOWN = [path for path in [*ROOT.glob("pages/**/*"), ROOT / "dashboard.py"] if path.suffix in (".py", ".js", ".css", ".toml")]
ELSEWHERE = [path for path in SHOWN if path != THE_FILE]
MARKS = re.compile(
    r"data-(testid|baseweb|stale|selected)|\.st[A-Z]\w+|_stcore|_streamlit|\bstreamlit\.(?!components\.v2\b)[a-z]\w*"
)


def offences(text, python):
    """What a file uses of Streamlit that is undocumented; its syntax tree is read where it is Python."""
    found = {match[0] for match in MARKS.finditer(text)}
    for node in ast.walk(ast.parse(text)) if python else ():
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "streamlit":
            found.add(f"from {node.module} import {node.names[0].name}")
        elif isinstance(node, ast.Import):
            found |= {a.name for a in node.names if a.name.startswith("streamlit.")}
        elif isinstance(node, ast.Attribute) and (chain := ast.unparse(node)).split(".")[0] in ("st", "streamlit"):
            parts = chain.split(".")[1:]
            if parts[0] in ("runtime", "proto", "web") or any(re.match("_(?!_)", part) for part in parts):
                found.add(chain)
    return found


# ---- nothing outside the file ----


@pytest.mark.parametrize("path", ELSEWHERE, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_undocumented_stands_outside_the_file(path):
    assert offences(path.read_text("utf-8"), path.suffix == ".py") == set()


@pytest.mark.parametrize(
    "line",
    [
        "from streamlit.runtime import Runtime",
        "from streamlit import runtime",
        "import streamlit.proto.ForwardMsg_pb2",
        "st.runtime.exists()",
        "st.session_state._state",
        "st.html('<style>.stApp {}</style>')",
        "x = '[data-testid=stMain]'",
    ],
)
def test_what_is_undocumented_is_found(line):
    assert offences(line, python=True)


def test_every_file_is_read():
    assert {".py", ".js", ".css"} <= {path.suffix for path in ELSEWHERE} and THE_FILE in SHOWN and len(SHOWN) > 50
    assert offences(THE_FILE.read_text("utf-8"), python=True)


def test_hidden_options_are_those_that_are_named():
    options = tomllib.loads((ROOT / ".streamlit/config.toml").read_text("utf-8"))
    given = {f"{section}.{name}": value for section, values in options.items() for name, value in values.items()}
    hidden = {name for name, option in config._config_options_template.items() if option.visibility == "hidden"}
    assert {name: value for name, value in given.items() if name in hidden} == private.HIDDEN_OPTIONS


# ---- a contract a line ----


def test_the_browser_is_told_how_long_to_keep_large_messages(monkeypatch):
    monkeypatch.setattr(config, "get_option", lambda name: {"global.maxCachedMessageAge": 20}.get(name, False))
    monkeypatch.setattr(app_session, "_get_toolbar_mode", lambda: 0)
    app_session._populate_config_msg(message := Config())
    assert message.max_cached_message_age == private.HIDDEN_OPTIONS["global.maxCachedMessageAge"]


def test_an_uploaded_file_goes_to_the_address_that_is_counted():
    routes = starlette_routes.create_upload_routes(SimpleNamespace(), SimpleNamespace(), None)
    assert any(f"/{route.path.lstrip('/')}".startswith(private.UPLOAD_PATH) for route in routes)


def test_files_of_the_server_are_below_the_addresses_that_are_named():
    routes = {name: route for name, route in vars(starlette_routes).items() if name.startswith("BASE_ROUTE_")}
    firsts = {route.split("/")[0] for route in routes.values()}
    assert {first for first in firsts if not first.startswith("_")} == {*private.FILE_PATHS}


@functools.cache
def frontend():
    """All scripts of Streamlit's page."""
    return "".join(path.read_text("utf-8") for path in Path(streamlit.__file__).parent.glob("static/static/js/*.js"))


@pytest.mark.parametrize("name", private.SELECTORS)
def test_the_page_still_has_what_a_selector_asks_for(name):
    words = re.findall(r"st[A-Z]\w+|data-(?!testid)[a-z]+", private.SELECTORS[name])
    assert words and all(word in frontend() for word in words), words


def test_selectors_have_names():
    css = "button.streamlit-selected, .streamlit-main:focus, .streamlit-slider-value] *, .st-key-x {}"
    assert private.resolve(css) == "button[data-selected=true], .stMain:focus, [data-testid=stSliderThumbValue]] *, .st-key-x {}"
    with pytest.raises(KeyError, match="nope"):
        private.resolve(".streamlit-nope {}")


def test_uploaded_files_are_counted(monkeypatch):
    manager = MemoryUploadedFileManager("/upload")
    manager.add_file("one", UploadedFileRec("1", "a.tsv", "text/plain", b"x" * 30))
    manager.add_file("two", UploadedFileRec("2", "b.tsv", "text/plain", b"x" * 12))
    monkeypatch.setattr(private.Runtime, "exists", lambda: True)
    monkeypatch.setattr(private, "get_instance", lambda: SimpleNamespace(uploaded_file_mgr=manager))
    assert private.uploaded_bytes() == 42


def test_sessions_are_kept_where_they_are_looked_for():
    names = WebsocketSessionManager.__init__.__code__.co_names + Runtime.__init__.__code__.co_names
    assert {"_session_storage", "_session_mgr"} <= set(names)
    assert callable(MemorySessionStorage()._cache.expire)


def test_the_warning_about_the_runtime_is_dropped_and_no_other(caplog):
    log = logging.getLogger(cache_data_api._LOGGER.name)
    with caplog.at_level("WARNING", logger=log.name):
        log.addHandler(caplog.handler)
        log.warning("No runtime found, using MemoryCacheStorageManager")
        log.warning("another one")
        log.removeHandler(caplog.handler)
    assert {record.getMessage() for record in caplog.records} == {"another one"}
    assert '"No runtime found' in Path(cache_data_api.__file__).read_text("utf-8")


@pytest.mark.parametrize("seconds", [2.5, None])
def test_the_timer_of_the_fragment_that_is_drawn_is_set(monkeypatch, seconds):
    sent = []
    monkeypatch.setattr(private, "get_script_run_ctx", lambda: SimpleNamespace(enqueue=sent.append))
    monkeypatch.setattr(private.ThreadState, "get", lambda: SimpleNamespace(fragment_id="this one"))
    private.rerun_fragment_every(seconds)
    (message,) = sent
    if seconds is None:
        assert list(message.stop_auto_rerun.fragment_ids) == ["this one"]
    else:
        assert (message.auto_rerun.interval, message.auto_rerun.fragment_id) == (seconds, "this one")


def test_outside_a_fragment_no_timer_is_set(monkeypatch):
    sent = []
    monkeypatch.setattr(private, "get_script_run_ctx", lambda: SimpleNamespace(enqueue=sent.append))
    monkeypatch.setattr(private.ThreadState, "get", FragmentThreadState)
    private.rerun_fragment_every(1.0)
    assert sent == []


def test_a_rerun_of_what_is_gone_is_not_answered():
    answered, runner = [], SimpleNamespace(_fragment_storage=MemoryFragmentStorage())
    runner._fragment_storage.register("there", lambda: None)
    whole, there, gone, both = (RerunData(fragment_id_queue=ids) for ids in ([], ["there"], ["gone"], ["gone", "there"]))
    run = private.only_existing(lambda self, asked: answered.append(asked))
    for asked in (whole, there, gone, both):
        run(runner, asked)
    assert answered == [whole, there, both]
    assert ScriptRunner._run_script.__wrapped__.__qualname__ == "ScriptRunner._run_script"
    assert "_fragment_storage" in ScriptRunner.__init__.__code__.co_names


def test_a_poll_of_the_page_that_is_left_does_not_undo_a_click_in_the_menu():
    """Streamlit makes one rerun of the two, of the poll's page: seen with the menu, the tour and the browser's Back."""
    poll = RerunData(fragment_id="fragment", page_script_hash="lab", query_string="cell=gru", is_auto_rerun=True)
    click = RerunData(page_script_hash="start", query_string="")
    for requests in ([click, poll], [poll, click], [poll, click, poll], [click, poll, poll]):
        waiting = ScriptRequests()
        assert all(waiting.request_rerun(one) for one in requests)
        one = waiting.on_scriptrunner_ready().rerun_data
        assert (one.page_script_hash, one.query_string, one.fragment_id_queue) == ("start", "", [])
    waiting = ScriptRequests()
    assert waiting.request_rerun(poll) and waiting.request_rerun(replace(poll, fragment_id="other"))
    assert waiting.on_scriptrunner_ready().rerun_data.fragment_id_queue == ["fragment", "other"]
    assert ScriptRequests._request_rerun_locked.__wrapped__.__qualname__ == "ScriptRequests._request_rerun_locked"


@pytest.mark.parametrize(
    "value",
    [
        {"trigger_value": True},
        {"string_trigger_value": {"data": "a"}},
        {"json_trigger_value": "[3]"},
        {"chat_input_value": {"data": "a"}},
    ],
)
def test_a_click_that_a_poll_brings_before_the_click_itself_counts_once(value):
    """Streamlit's page sends a click a moment after it; a poll within this moment brings it as well."""
    click, other = WidgetState(id="step", **value), WidgetState(id="pace", string_value="slow")
    states = WidgetStates(widgets=[click, other])
    poll = RerunData(fragment_id="fragment", widget_states=states, is_auto_rerun=True)
    waiting = ScriptRequests()
    assert waiting.request_rerun(poll)
    assert list(waiting.on_scriptrunner_ready().rerun_data.widget_states.widgets) == [other]
    assert waiting.request_rerun(replace(poll, is_auto_rerun=False))
    assert waiting.request_rerun(replace(poll, widget_states=WidgetStates(widgets=[other])))  # a later one, which takes none away
    assert {state.id for state in waiting.on_scriptrunner_ready().rerun_data.widget_states.widgets} == {"step", "pace"}


def test_clicks_that_wait_are_handled_in_their_order():
    """Streamlit puts the earlier one last. A change keeps its place before a click that came after it."""
    pace = WidgetState(id="pace", string_value="slow")

    def asked(*states):
        return RerunData(fragment_id="fragment", widget_states=WidgetStates(widgets=states))

    train, pause = (WidgetState(id=name, trigger_value=True) for name in ("train", "pause"))
    for requests, order in (
        ([asked(train), asked(pause)], ["train", "pause"]),
        ([asked(train), asked(pause), asked(train)], ["pause", "train"]),
        ([asked(train), asked(pace), asked(pace, pause)], ["pace", "train", "pause"]),
        ([asked(pace, train), asked(pace)], ["pace", "train"]),
        ([asked(pace, train), asked(pause, pace)], ["pace", "train", "pause"]),
    ):
        waiting = ScriptRequests()
        assert all(map(waiting.request_rerun, requests))
        assert [state.id for state in waiting.on_scriptrunner_ready().rerun_data.widget_states.widgets] == order


def test_a_poll_waits_for_the_last_events_of_the_run_before():
    """Streamlit drops those of a ScriptRunner that is no longer the session's: a page stayed half drawn."""
    loop, created, polls = asyncio.new_event_loop(), [], []
    session = SimpleNamespace(_scriptrunner=None, _event_loop=loop, _state=AppSessionState.APP_IS_RUNNING)
    create = private.after_last_events(lambda self, asked: created.append((asked, self._scriptrunner)))
    ended = session._scriptrunner = SimpleNamespace(request_rerun=lambda asked: bool(polls.append(asked)))  # False: it has ended
    create(session, "poll")
    loop.run_until_complete(asyncio.sleep(0.05))
    assert created == [] and set(polls) == {"poll"} and session._scriptrunner is ended
    session._scriptrunner = None  # its last event, SHUTDOWN, has been handled
    loop.run_until_complete(asyncio.sleep(0.05))
    assert created == [("poll", None)]
    session._scriptrunner = SimpleNamespace(request_rerun=lambda asked: True)  # a click came first: it carries out the poll, too
    create(session, "poll")
    loop.run_until_complete(asyncio.sleep(0.05))
    session._scriptrunner, session._state = None, AppSessionState.SHUTDOWN_REQUESTED
    create(session, "poll")
    loop.close()
    assert created == [("poll", None)]
    assert AppSession._create_scriptrunner.__wrapped__.__qualname__ == "AppSession._create_scriptrunner"
    assert {"_scriptrunner", "_create_scriptrunner"} <= set(AppSession.request_rerun.__code__.co_names)
    assert {"_scriptrunner", "_event_loop", "_state"} <= set(AppSession.__init__.__code__.co_names)


# ---- in a browser ----


STANDING = ("app", "header", "main", "block", "element", "html", "chart", "number", "caption", "markdown", "plain-button")


def test_the_selectors_find_what_they_mean(server, visit):
    page = visit(server.link("/lab", length=10, steps=20, replicas=2, seed=61))
    page.locator(".heatmap[data-rows]").wait_for()
    page.locator(private.SELECTORS["chart"]).first.wait_for()
    missing = [name for name in STANDING if not page.locator(private.SELECTORS[name]).count()]
    assert missing == []
