"""A real server under fire: paths, uploads and messages that no browser sends, beside a viewer who notices nothing; and injected
text in Chromium."""

import http.client
import re
from contextlib import ExitStack

import pytest
from browsing import button, expect
from hostile_input import IMAGE
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from uploaded_files import table
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from pages.server.upload_quota import MAX_FILES

PATHS = """
    /component/..%2f..%2f..%2f..%2fetc%2fpasswd /component/rnnkit_frame/../../../../etc/passwd /_stcore/../../etc/passwd
    /_stcore/bidi-components/rnnkit_frame/..%2f..%2f..%2fetc/passwd /media/../../../etc/passwd /media/..%2f..%2fetc%2fpasswd
    /static/../../../../../etc/passwd /app/static/../dashboard.py /app/static/dashboard.py /%2e%2e/%2e%2e/etc/passwd //etc/passwd
    /..%5c..%5cetc%5cpasswd /.streamlit/config.toml /rnnkit/experiment.py /pages/tour/tour.toml /.git/HEAD /lab/../../etc/passwd
    /media/%00 /component/%00 /lab/%ff%fe
""".split()
INSIDE = ("root:", "fileWatcherType", "def main", "ref: refs", "[[station]]", "dataclass")  # what stands in them


def ask(server, path, method="GET", body=None, **headers):
    """The path as it is, which no ordinary client would send: status, body, headers."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace"), answer.headers
    finally:
        connection.close()


def test_no_path_leads_to_a_file(server):
    for path in [*PATHS, "/" + "a" * 5000, "/?" + "a=b&" * 10_000]:
        status, body, _ = ask(server, path)
        assert status in (200, 400, 404, 414), path  # 200: the page itself, whatever its address
        assert not any(mark in body for mark in INSIDE), path


class Talker:
    """One viewer, by the bytes of Streamlit's protocol."""

    def __init__(self, socket):
        self.socket = socket

    def draw(self, query="", **widgets):
        """Has the whole page drawn; returns the session's id once that is done, without an error."""
        sent = BackMsg()
        sent.rerun_script.query_string = query
        for name, value in widgets.items():
            sent.rerun_script.widget_states.widgets.add(id=f"$$ID-0-{name}", string_value=value)
        self.socket.send(sent.SerializeToString())
        session = ""
        while True:
            message = ForwardMsg.FromString(self.socket.recv(timeout=60))
            session = session or message.new_session.initialize.session_id
            assert message.delta.new_element.WhichOneof("type") != "exception", message
            if message.WhichOneof("type") == "script_finished":
                return session


@pytest.fixture
def talk(server):
    """Makes viewers, whose connections end with the test."""
    address = server.url.replace("http", "ws") + "/_stcore/stream"
    with ExitStack() as stack:
        options = {"subprotocols": ["streamlit", "none"], "max_size": None, "origin": server.url}
        yield lambda: Talker(stack.enter_context(connect(address, **options)))


def message(**fields):
    made = BackMsg()
    for name, value in fields.items():
        setattr(made, name, value)
    return made.SerializeToString()


def test_messages_that_no_browser_sends_disturb_nobody_else(server, talk):
    other = talk()
    other.draw("length=10&steps=5&replicas=1")
    strange = BackMsg()
    strange.rerun_script.page_script_hash = strange.rerun_script.fragment_id = "../../etc/passwd"
    strange.rerun_script.widget_states.widgets.add(id="x", json_value="[" * 50_000)
    strange.rerun_script.widget_states.widgets.add(id="$$ID-0-c_cell", int_value=-1)
    for sent in (
        b"\xff\xfe\0garbage" * 1000,
        "no protocol at all",
        b"x" * 26_000_000,
        strange.SerializeToString(),
        *(message(**{name: True}) for name in ("clear_cache", "debug_shutdown_runtime", "debug_disconnect_websocket")),
    ):
        attacker = talk()
        try:
            attacker.socket.send(sent)
        except ConnectionClosed:
            continue
    assert other.draw("length=10&steps=5&replicas=1") is not None
    fresh = talk()
    fresh.draw("length=10&cell=nope&" + "x=y&" * 3000, c_cell="nope", c_length="nan")
    assert ask(server, "/_stcore/health")[0] == 200 and server.process.poll() is None


class Files:
    """Uploads into a session, as its browser or, without `may`, as somebody else."""

    def __init__(self, server, session):
        token = re.search("_streamlit_xsrf=([^;]+)", ask(server, "/_stcore/health")[2]["set-cookie"])[1]
        self.may = {"Cookie": f"_streamlit_xsrf={token}", "X-Xsrftoken": token}
        self.server, self.session = server, session

    def put(self, name, content=b"x", file="1", session=None, may=None):
        body = f'--b\r\nContent-Disposition: form-data; name="f"; filename="{name}"\r\n\r\n'.encode() + content + b"\r\n--b--\r\n"
        headers = {"Content-Type": "multipart/form-data; boundary=b"} | (self.may if may is None else may)
        return self.ask("PUT", file, body, session or self.session, **headers)

    def ask(self, method, file, body=None, session=None, **headers):
        path = f"/_stcore/upload_file/{session or self.session}/{file}"
        return ask(self.server, path, method, body, **self.may | headers if method == "DELETE" else headers)[0]


def test_uploads_that_no_browser_sends(server, talk):
    files = Files(server, talk().draw("length=10&steps=5&replicas=1"))
    assert files.put("a.tsv", may={}) == 403, "without the token of a browser"
    for name in ("a.tsv", "../../../../tmp/rnnkit-hostile.tsv", "n" * 300, "a\tb", "", "\u202eé<script>", "/etc/passwd"):
        assert files.put(name) in (204, 400), name
    assert files.put("a.tsv", session="nobody") == 400
    assert files.put("a.tsv", session="..%2f..%2fetc") in (400, 404)
    assert files.put("large.tsv", b"x" * 10_600_000) == 413
    assert files.ask("PUT", "1", b"x" * 50, **files.may, **{"Content-Type": "text/plain"}) == 400
    assert files.ask("DELETE", "1") == 204


def test_uploads_have_an_end(server, talk):
    """Streamlit takes as many as come. Their sizes add up over all sessions."""
    one, other = (Files(server, talk().draw("length=10&steps=5&replicas=1")) for _ in range(2))
    try:
        sent = [(one, other)[n % 2].put("a.tsv", b"x" * 9_990_000, str(n)) for n in range(MAX_FILES + 3)]
    finally:
        gone = [(one, other)[n % 2].ask("DELETE", n) for n in range(MAX_FILES + 3)]
    assert sent == [204] * (MAX_FILES + 1) + [503] * 2 and set(gone) == {204}
    assert one.put("a.tsv") == 204 and one.ask("DELETE", 1) == 204


def test_nothing_injected_runs_or_asks_anybody_else(server, visit):
    """`visit` notices every request to elsewhere, and every error."""
    hit = "<img src=x onerror='window.hit=1'><script>window.hit=1</script>"
    link = {
        "cell": IMAGE,
        IMAGE + hit: "1",
        "hide": f"</style>{hit}",
        "tour": f"{hit}.3",
        "own.page": IMAGE,
        "corpus_x": "javascript:",
    }
    page = visit(server.link("/corpus", **link))
    said = page.get_by_test_id("stMain").get_by_test_id("stAlert").filter(has_text="In the link:")
    expect(said.first).to_be_visible()
    expect(said.filter(has_text="![x](http:").first).to_be_visible()
    page.get_by_text("Bring sentences", exact=True).click()
    name = "![x](http:||e.example|x) <b>y<|b> :red[r] $x$ www.e.example <img src=x>.tsv"
    page.locator("input[type=file]").first.set_input_files({"name": name, "mimeType": "text/plain", "buffer": table()})
    expect(page.get_by_role("button", name="Remove ![x]")).to_be_visible()
    button(page, "Read these sentences").click()
    expect(page.get_by_text("200 sentences.")).to_be_visible()
    bold = page.locator("strong").filter(has_text="![x]")
    assert bold.inner_text().replace("\u2060", "") == name
    for where in (said, bold):
        assert where.locator("img, a, script, b, .katex").count() == 0
    assert page.evaluate("window.hit") is None
