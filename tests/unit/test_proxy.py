"""docs/nginx.conf in front of two small servers: who comes stays where they were sent, and a room is at one process."""

import shutil
import sys
import tempfile
import threading
import urllib.request
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import proxy


def test_the_ports_and_the_files_of_the_configuration_are_replaced(tmp_path):
    text = proxy.configuration(tmp_path, 1, (2, 3))
    assert "listen 1;" in text and text.count("127.0.0.1:2") == text.count("127.0.0.1:3") == 2
    assert not any(known in text for known in ("8500", "8501", "8502", "/tmp/rnnkit-nginx"))
    assert f"pid {tmp_path}/nginx.pid;" in text and f"proxy_cache_path {tmp_path}/nginx-cache " in text


class Answer(BaseHTTPRequestHandler):
    """Answers with the number of its server, and with what it was told of the connection."""

    def do_GET(self):
        told = [str(self.server.number), self.headers["Host"], self.headers["Upgrade"] or "-", self.headers["Connection"] or "-"]
        self.send_response(200)
        self.send_header("Content-Length", str(len(" ".join(told))))
        self.end_headers()
        self.wfile.write(" ".join(told).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def servers():
    both = [ThreadingHTTPServer(("127.0.0.1", 0), Answer) for _ in range(2)]
    for number, server in enumerate(both, 1):
        server.number = number
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield both
    for server in both:
        server.shutdown()
        server.server_close()


@pytest.fixture
def url(servers):
    if not shutil.which("nginx"):
        pytest.skip("nginx is not installed")
    folder = tempfile.TemporaryDirectory()  # nginx's own processes, another user's, cannot enter pytest's
    with folder as name, proxy.proxy(Path(name), tuple(server.server_port for server in servers)) as url:
        yield url


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def get(url, **headers):
    """The words of the answer, and the cookie that came with it."""
    try:
        answer = urllib.request.build_opener(NoRedirect).open(urllib.request.Request(url, headers=headers), timeout=20)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.read().decode().split(), (answer.headers["Set-Cookie"] or "").partition(";")[0]


def test_newcomers_are_spread_and_stay_where_they_came(url):
    came = [get(f"{url}/lab") for _ in range(60)]
    assert all(cookie == f"rnnkit_server={words[0]}" for words, cookie in came)
    spread = Counter(words[0] for words, _ in came)
    assert min(spread["1"], spread["2"]) >= 10, "of 60 by half: one in 10 million has less"
    for number in "12":
        for path in ("/lab", "/_stcore/stream", "/?length=20"):
            words, cookie = get(url + path, Cookie=f"a=b; rnnkit_server={number}")
            assert (words[0], cookie) == (number, ""), path
    assert get(f"{url}/lab", Cookie="rnnkit_server=7")[1] in ("rnnkit_server=1", "rnnkit_server=2"), "of somebody's own"


def test_the_pages_files_are_asked_for_once(url):
    first = get(f"{url}/static/a.js", Cookie="rnnkit_server=1")
    assert first == get(f"{url}/static/a.js", Cookie="rnnkit_server=2") and first[0][0] == "1"


def test_a_room_is_at_the_first_process_and_a_lecturer_can_choose(url):
    for cookie in ("", "rnnkit_server=1", "rnnkit_server=2"):
        words, new = get(f"{url}/lab?room=abcdef&length=20", Cookie=cookie)
        assert words[0] == "1" and new == ("" if cookie.endswith("1") else "rnnkit_server=1")
    for number in "12":
        assert get(f"{url}/server/{number}")[1] == f"rnnkit_server={number}"


def test_a_websocket_is_passed_on_with_the_address_of_the_page(url):
    host = url.removeprefix("http://")
    words, _ = get(f"{url}/_stcore/stream", Upgrade="websocket", Connection="Upgrade")
    assert words[1:] == [host, "websocket", "upgrade"]
    assert get(f"{url}/lab")[0][1:] == [host, "-", "-"], "so that connections are used again"


def test_where_a_process_has_gone_the_other_one_answers(url, servers):
    servers[0].shutdown()
    servers[0].server_close()
    assert get(f"{url}/lab", Cookie="rnnkit_server=1")[0][0] == "2"
