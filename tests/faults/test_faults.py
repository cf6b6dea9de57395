"""Faults that a server must outlive, or end cleanly with: each is caused, with real processes, and looked at as a viewer sees it.

The viewers speak Streamlit's protocol (benchmarks/viewers.py). Faults of a network and of a browser's page are in
test_faults_browser.py, those within the pool of workers in test_runs.py.
"""

import asyncio
import csv
import io
import os
import signal
import subprocess
import sys
import time
import uuid
from textwrap import dedent

import pytest
import requests
from apptest import SMALL, finished, texts
from serving import ROOT, Server, running, until
from streamlit.proto.BackMsg_pb2 import BackMsg

from pages import lab
from pages.ui import errors, live_run

sys.path.insert(0, str(ROOT / "benchmarks"))
from viewers import DONE, Viewer

LONG = {"length": "100", "steps": "5000", "replicas": "2"}
HOSTED = {"STREAMLIT_CLIENT_SHOW_ERROR_DETAILS": "false"}  # as Community Cloud forces it


class Person(Viewer):
    """A viewer who reads, presses and takes files home."""

    def __init__(self, server, query, page="lab"):
        super().__init__(server.url, query, page)
        self.files, self.buttons, self.answers, self.session, self.settled = {}, {}, {}, "", False
        self.watching = asyncio.create_task(self.watch())

    def _hear(self, message):
        super()._hear(message)
        if message.HasField("new_session"):
            self.session, self.settled = message.new_session.initialize.session_id, False
        elif message.HasField("delta"):
            self._drawn(message.delta.new_element)
        elif message.HasField("script_finished"):
            self.settled = message.script_finished in DONE and not self._fragments
        elif message.HasField("backend_operation_response"):
            self.answers[message.backend_operation_response.request_id] = message.backend_operation_response
        elif message.HasField("file_urls_response"):
            self.answers[message.file_urls_response.response_id] = message.file_urls_response

    def _drawn(self, element):
        kind = element.WhichOneof("type")
        if kind == "download_button":
            self.files[element.download_button.label] = element.download_button.deferred_file_id
        elif kind == "button":
            self.buttons[element.button.label] = element.button.id

    @property
    def words(self):
        return " ".join(self.said.values())

    async def sees(self, *texts, seconds=60):
        """Waits until all of these stand on the page, without any trouble."""
        await self.waits(lambda: all(text in self.words for text in texts), texts, seconds)

    async def waits(self, condition, what, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            assert not self.trouble and not self.watching.done(), self.trouble
            assert time.monotonic() < end, f"waited {seconds} s for {what}, but: {self.words}"
            await asyncio.sleep(0.05)

    async def press(self, label):
        message = self.message()
        message.rerun_script.widget_states.widgets.add(id=self.buttons[label], trigger_value=True)
        await self._socket.send(message.SerializeToString())

    async def asks(self, kind, **request):
        message, number = BackMsg(), uuid.uuid4().hex
        getattr(message, kind).MergeFrom(type(getattr(message, kind))(request_id=number, session_id=self.session, **request))
        await self._socket.send(message.SerializeToString())
        await self.waits(lambda: number in self.answers, f"an answer to {request}")
        return self.answers[number]

    async def takes_home(self, label):
        """The bytes of a file. With each drawing of the page the files have new names, so one that is gone is asked for again."""
        await self.waits(lambda: self.settled, "the end of the run")
        if label not in self.files:
            self.settled = False
            await self.change("take_home", bool_value=True)
            await self.waits(lambda: self.settled and label in self.files, "the menu")
        for _ in range(3):
            answer = await self.asks("backend_operation_request", deferred_file={"file_id": self.files[label]})
            assert not answer.error_msg, f"{label}: {answer.error_msg}"
            given = await asyncio.to_thread(requests.get, self.url + answer.deferred_file.url, timeout=60)
            if given.ok:
                return given.content
            await asyncio.sleep(1)
        raise AssertionError(f"{label}: {given.status_code} {given.text[:100]}")

    async def uploads(self, data):
        """What the server answers."""
        answer = await self.asks("file_urls_request", file_names=["text.txt"])
        web = requests.Session()
        web.get(f"{self.url}/_stcore/health", timeout=10)
        token = {"X-Xsrftoken": web.cookies["_streamlit_xsrf"]}
        url = self.url + answer.file_urls[0].upload_url
        return await asyncio.to_thread(web.put, url, files={"text.txt": data}, headers=token, timeout=60)

    async def finishes(self):
        await self.change("c_pace", string_value="fast")
        await self.sees("step 20 of 20", "of new sentences right")


def rows(table):
    return len({record["step"] for record in csv.DictReader(io.StringIO(table.decode()))})


@pytest.fixture
def serve(tmp_path):
    """serve(within, **environment) -> a server with a host's settings."""
    servers = []

    def start(within=(), **environment):
        servers.append(Server(tmp_path / "log", within=within, **HOSTED, **environment))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()
    assert "Traceback" not in (tmp_path / "log").read_text()


# ---- the server ends ----


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM], ids=lambda sign: sign.name)
def test_a_server_that_ends_leaves_no_orphan(serve, sign):
    server = serve()

    async def begin():
        person = Person(server, LONG)
        await person.sees("step")
        await asyncio.to_thread(until, lambda: server.children("rnnkit.export.images"), "the process that makes pictures")

    asyncio.run(begin())
    began = server.children()
    assert set(server.workers()) < set(began)
    server.process.send_signal(sign)
    server.process.wait(20)
    until(lambda: not set(began) & set(running()), f"the end of {began}")


# ---- training fails ----


def test_a_killed_worker_concerns_nobody_else_and_no_row_is_lost(serve):
    server = serve(RNNKIT_WORKERS="2")

    async def all_four():
        pairs = [[Person(server, LONG | {"seed": seed}) for _ in range(2)] for seed in "01"]
        for person in [*pairs[0], *pairs[1]]:
            await person.sees("s left", "At the subject the gradient is")  # it trains
        os.kill(server.workers()[0], signal.SIGKILL)
        await pairs[0][0].waits(lambda: [*map(stopped, pairs)].count(True), "the end of a run")
        (one, two), (third, fourth) = sorted(pairs, key=stopped, reverse=True)
        for person in (one, two):
            await person.sees("the training process was ended by SIGKILL", "What was trained so far is kept")
        assert rows(await two.takes_home("Records as CSV")) > 1
        await one.press("Run again")
        for person in (one, third, fourth):
            seen = len(person.frames)
            await person.waits(lambda person=person, seen=seen: len(person.frames) > seen + 2, "more frames")
        assert not any("stopped" in person.words for person in (third, fourth))
        assert not any(person.trouble for pair in pairs for person in pair)

    asyncio.run(asyncio.wait_for(all_four(), 60))


def stopped(pair):
    return "The training stopped" in pair[0].words


def test_without_torch_everything_opens_and_what_trains_says_how_to_install_it(serve, tmp_path):
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')")
    server = serve(PYTHONPATH=str(tmp_path))

    async def visit():
        lab, vanishing, network = (Person(server, SMALL, page) for page in ("lab", "vanishing", "network"))
        await lab.sees("The training stopped: PyTorch is not installed: run", "pip install torch==2.13.0")
        await vanishing.sees("PyTorch is not installed: run")
        await network.sees("connected to themselves through time", "differs by")  # which trains nothing at first
        assert not lab.trouble + vanishing.trouble + network.trouble

    asyncio.run(visit())


# ---- the disk ----

READ_ONLY = 'for d in / /tmp /var/tmp /dev/shm; do ! mountpoint -q $d || mount -o remount,bind,ro $d || exit; done; exec "$@"'
FULL = 'mount -t tmpfs -o size=64k none "$0" && ! head -c 100000 /dev/zero > "$0/filled" 2> /dev/null && ' + READ_ONLY
FILES = ["Handout", "All charts, SVG and PNG", "Records as CSV", "Gradients as Parquet"]


@pytest.mark.parametrize("script", [READ_ONLY, FULL], ids=["read-only", "full"])
def test_a_disk_that_takes_nothing(serve, tmp_path, script):
    """For the server alone, in a mount name space of its own: its home and its folder for temporary files, too."""
    within = ["unshare", "-m", "sh", "-c"]
    if subprocess.run([*within, "mount -o remount,bind,ro /"], capture_output=True, check=False).returncode:
        pytest.skip("needs Linux's unshare and the right to mount: run as root")
    home = tmp_path / "home"
    home.mkdir()
    server = serve([*within, script, home], HOME=str(home), TMPDIR=str(home))

    async def visit():
        person = Person(server, SMALL)
        await person.sees("step", "At the subject the gradient is")
        await person.finishes()
        files = {label: await person.takes_home(label) for label in FILES}
        assert rows(files["Records as CSV"]) == 21 and all(map(len, files.values()))
        uploaded = await person.uploads(b"the cat was here. " * 200_000)  # above 1 MB, which the web server would put on the disk
        assert uploaded.status_code == 204
        assert not person.trouble

    asyncio.run(visit())
    assert [path.name for path in home.iterdir()] == []  # the server's own is another


# ---- the program is wrong ----


def test_a_page_that_fails_says_so_without_a_traceback_and_the_session_goes_on(app, monkeypatch, caplog):
    def logged():
        return [record for record in caplog.records if record.name == "rnnkit.pages"]

    at = finished(app)
    monkeypatch.setattr(errors, "_detailed", lambda: False)
    whole = live_run._verdict
    monkeypatch.setattr(live_run, "_verdict", lambda *args: 1 / 0)
    at.run()
    assert not at.exception and len(logged()) == 1
    [said] = [text for text in texts(at) if "it is not your fault" in text]
    assert logged()[0].exc_info[0] is ZeroDivisionError
    assert logged()[0].message.split()[1].strip(":") in said and "ZeroDivision" not in said
    assert at.sidebar.selectbox and at.button(key="train"), "the rest is there"
    monkeypatch.setattr(lab, "_headline", lambda e: 1 / 0)
    at.run()
    assert not at.exception and len(logged()) == 2 and at.sidebar.selectbox
    monkeypatch.undo()
    at.run()
    assert not at.exception and not any("fault" in text for text in texts(at)) and whole is live_run._verdict


def test_no_host_can_put_a_traceback_on_the_page(in_fresh_python):
    code = """
        import streamlit as st
        st.set_option("client.showErrorDetails", False)
        from pages.ui import errors
        print(st.get_option("client.showErrorDetails"))
    """
    assert in_fresh_python(dedent(code)).split()[-1] == "none"
