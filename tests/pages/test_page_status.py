"""The status page, and what the server tells machines: who may see it, what it says, and that nothing in it is taken for HTML."""

import asyncio
import json
import time
import weakref
from types import SimpleNamespace

import pytest
from apptest import SMALL, finished
from starlette.requests import Request
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.testing.v1 import AppTest

from pages import status
from pages.server import app, streamlit_private
from pages.state import session
from rnnkit.serving.limits import Limits
from rnnkit.serving.run_pool import RunPool


@pytest.fixture
def key(monkeypatch):
    monkeypatch.setenv(app.SETTING, "lectern")


def answer(path, query=""):
    """What the server says to a machine at this address: status and text."""
    route = next(route for route in app.ROUTES if route.path == path)
    said = route.endpoint(Request({"type": "http", "query_string": query.encode()}))
    return said.status_code, said.body.decode()


def shown(at):
    return " ".join(element.proto.body for element in at.get("html"))


def page():
    from pages import status

    status.page()


def test_without_a_key_nobody_is_let_in_and_with_one_only_who_has_it(monkeypatch):
    monkeypatch.delenv(app.SETTING, raising=False)
    assert not app.admits("") and not app.admits("lectern")
    monkeypatch.setenv(app.SETTING, "lectern")
    assert app.admits("lectern")
    assert not any(app.admits(word) for word in ("", "Lectern", "lecter", "lectern ", "\udcff", "é"))


def test_a_running_experiment_stands_on_the_page_and_in_its_json(app, pool, key):
    finished(app, SMALL)
    (run,) = pool.runs.values()
    at = AppTest.from_function(page, default_timeout=60).run()
    assert not at.exception
    for words in (
        "1 viewer, nothing training, nobody waits",
        run.id,
        "tanh: agreement, 10 time steps",
        "21 of 21",
        "idle",
        "PyTorch",
    ):
        assert words in shown(at), words
    code, text = answer("/status.json", "key=lectern")
    assert code == 200 and json.loads(text)["runs"]["done"][0]["id"] == run.id
    assert "lectern" not in text + shown(at)
    assert answer("/status.json", "key=lecter") == answer("/status.json") == (404, "Not Found")


FACTS = {"tabs": 0, "viewers": 0, "trouble": "", "queue": [], "runs": {"training": []}}
HEADLINES = {
    "0 viewers, nothing training, nobody waits": {},
    "212 viewers, 1 run training, nobody waits": {"tabs": 213, "viewers": 180, "runs": {"training": [{}]}},
    "30 viewers, 2 runs training, 28 runs waiting": {"viewers": 30, "queue": ["run"] * 28, "runs": {"training": [{}, {}]}},
    "Nothing can be trained here": {"tabs": 9, "trouble": "PyTorch is not installed"},
}


@pytest.mark.parametrize("words, facts", HEADLINES.items(), ids=HEADLINES)
def test_one_line_says_how_it_goes(words, facts):
    assert status.headline(FACTS | facts) == words


def test_the_queue_stands_in_its_order_and_text_stays_text(pool):
    run = {"what": "<script>", "status": "queued", "error": "", "rows": 0, "of": 21, "viewers": 1, "seconds": 0.0}
    queued = [run | {"id": "later"}, run | {"id": "sooner"}]
    facts = app.facts() | {"queue": ["sooner", "later"], "warnings": ["<img src=x>"], "trouble": "<b>"}
    html = status.content(facts | {"runs": {state: [] for state in facts["runs"]} | {"queued": queued}})
    assert html.index("sooner</td>") < html.index("1st in line") < html.index("later</td>") < html.index("2nd in line")
    assert not any(tag in html for tag in ("<script>", "<img", "<b>"))


def test_a_server_that_cannot_train_says_so_to_who_asks_for_its_health(pool, monkeypatch):
    assert answer("/health") == (200, "ok")
    monkeypatch.setattr("rnnkit.serving.process.sys.executable", "/nowhere/python")
    broken = RunPool(Limits(workers=1))
    try:
        monkeypatch.setattr(session, "pool", lambda: broken)
        for _ in range(2):  # the first of three tries was at its start
            broken._spawn()
        code, text = answer("/health")
        assert code == 503 and "no training process could be started" in text
        assert text in status.content(app.facts()).replace("&#x27;", "'")
    finally:
        broken.close()


def test_every_open_connection_is_a_tab_until_it_ends_however_it_ends():
    seen = []

    async def page(scope, receive, send):
        seen.append(app.Tabs.open)
        raise OSError("gone")

    for kind in ("websocket", "http"):
        with pytest.raises(OSError, match="gone"):
            asyncio.run(app.Tabs(page)({"type": kind}, None, None))
    assert seen == [1, 0] and app.Tabs.open == 0


def test_sessions_of_those_who_have_gone_are_let_go_of(monkeypatch):
    """With Streamlit's own storage, which by itself would keep them until somebody else goes."""

    class Session:
        def __init__(self, number):
            self.id, self.itself = str(number), self  # a circle, as Streamlit's are

    storage = MemorySessionStorage(ttl_seconds=0.2)
    sessions = [Session(number) for number in range(3)]
    left = [weakref.ref(session) for session in sessions]
    for one in sessions:
        storage.save(SimpleNamespace(session=one))
    del one, sessions
    manager = SimpleNamespace(_session_storage=storage)
    monkeypatch.setattr(streamlit_private, "get_instance", lambda: SimpleNamespace(_session_mgr=manager))
    app.forget_sessions()
    assert all(session() for session in left)
    time.sleep(0.25)
    app.forget_sessions()
    assert not any(session() for session in left)


def test_those_who_are_not_kept_are_collected_once_half_of_the_tabs_have_gone(monkeypatch):
    """Else the next class meets the garbage of the one before."""
    collected = []
    monkeypatch.setattr(app, "return_memory", lambda: collected.append(app.Tabs.open))
    monkeypatch.setattr(app.Tabs, "open", 0)
    monkeypatch.setattr(app.Tabs, "most", 0)
    for tabs in (10, 6, 5, 4, 4, 2, 1, 0):
        app.Tabs.open, app.Tabs.most = tabs, max(app.Tabs.most, tabs)
        app.collect_after_class()
    assert collected == [4, 1, 0]
