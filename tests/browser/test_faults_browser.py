"""Faults between a server and an open page: the network is gone for a while, the server starts again, the page is loaded again,
the same browser has two tabs. The page comes back by itself, with what was typed and what was in the run list."""

import contextlib
import socket
import threading

import pytest
from browsing import button, choose, expect, go, grown, rows, sidebar, until
from serving import Server

LONG = {"length": 100, "steps": 5000, "replicas": 2}
HOSTED = {"STREAMLIT_CLIENT_SHOW_ERROR_DETAILS": "false"}  # as Community Cloud forces it


class Network:
    """What lies between a browser and a server of 127.0.0.1, and can be cut: connections end, and new ones are refused."""

    def __init__(self, port):
        self.port, self.cut, self.open = port, False, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):  # closed
            while True:
                near, _ = self.listener.accept()
                try:
                    if self.cut:
                        raise ConnectionError
                    far = socket.create_connection(("127.0.0.1", self.port))
                except OSError:
                    near.close()
                    continue
                self.open += [near, far]
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def drop(self):
        self.cut = True
        for end in self.open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def length(page):
    return sidebar(page).get_by_role("spinbutton", name="Sequence length T")


def more(page, n=2):
    """Waits for so many more rows than there are."""
    return grown(page, rows(page) + n)


def assert_no_exception(page):
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.locator(".st-key-trouble")).to_have_count(0)


@pytest.fixture
def forgetful(browser, tmp_path):
    """A server on which a run that nobody watches loses its worker at once, and the network before it."""
    server = Server(tmp_path / "log", RNNKIT_IDLE_SECONDS="2", **HOSTED)
    network = Network(server.port)
    yield server, network
    network.listener.close()
    server.kill()


def test_a_page_comes_back_after_the_network_and_after_the_server(forgetful, visit, problems, tmp_path):
    server, network = forgetful
    page, other = visit(f"{network.url}/?length=90&steps=5000&replicas=2"), visit(server.link(**LONG))
    grown(page, 2)
    length(page).fill("95")
    length(page).press("Enter")
    expect(page.get_by_role("heading", name="tanh: agreement, 95 time steps")).to_be_visible()
    button(page, "Train").click()
    grown(page, 2)
    grown(other, 2)
    address, before = page.url, rows(page)

    network.drop()
    expect(page.get_by_role("dialog")).to_be_visible()  # Streamlit says that it has no connection
    expect(length(page)).to_be_disabled()  # nothing that is typed now could get lost
    for _ in range(2):  # meanwhile the run has lost its worker, the other viewer nothing
        more(other)
        other.wait_for_timeout(2500)
    network.cut = False
    grown(page, before + 2)
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert page.url == address and length(page).input_value() == "95"

    before = {one: rows(one) for one in (page, other)}
    server.kill()
    expect(page.get_by_role("dialog")).to_be_visible()
    again = Server(tmp_path / "log2", server.port, **HOSTED)
    try:
        for one, old in before.items():  # begins anew
            until(lambda one=one, old=old: rows(one) < old, "the new run", wait=lambda s: page.wait_for_timeout(1000 * s))
            more(one)
            assert_no_exception(one)
        assert page.url == address and length(page).input_value() == "95"
        go(page, "Compare")
        expect(page.locator("[class*=st-key-shelf_row_]")).to_have_count(2)  # those of before: 90 and 95 words
        assert_no_exception(page)
        for one in (page, other):
            one.context.close()
    finally:
        again.kill()
    problems[:] = [problem for problem in problems if not problem.startswith("console: ")]  # about a server that was gone


def test_two_tabs_are_two_viewers_and_a_reload_loses_nothing(server, visit):
    one = visit(server.link(**LONG))
    two = one.context.new_page()
    two.goto(server.link(length=20, steps=20, replicas=2))
    expect(length(two)).to_have_value("20")
    expect(length(one)).to_have_value("100")
    grown(two, 2)
    choose(one, "Pace", "fast pace")
    n = grown(one, 5)
    two.close()
    more(one)
    one.reload()
    expect(length(one)).to_have_value("100")
    choose(one, "Pace", "fast pace")
    grown(one, n)
    more(one)
    button(one, "Stop").click()
    go(one, "Compare")
    expect(one.locator("[class*=st-key-shelf_row_]")).to_have_count(1)
    assert_no_exception(one)
