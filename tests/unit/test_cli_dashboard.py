"""`rnnkit dashboard`: what it starts, and what it says about an address, a port or a limit that cannot be."""

import signal
import socket
import sys

import pytest
from conftest import ROOT

from rnnkit.cli.main import main


@pytest.fixture
def started(monkeypatch):
    """Command lines that Streamlit would have got. Nothing is started."""
    started = []
    monkeypatch.setattr(sys, "argv", ["rnnkit"])
    monkeypatch.setattr("runpy.run_module", lambda module, **_: started.append((module, *sys.argv)))
    before = signal.getsignal(signal.SIGINT)
    yield started
    signal.signal(signal.SIGINT, before)


def refused(capsys, *options):
    with pytest.raises(SystemExit) as stopped:
        main(["dashboard", *options])
    assert stopped.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    "options, flags",
    [([], []), (["--port", "{free}", "--address", "127.0.0.1"], ["--server.port={free}", "--server.address=127.0.0.1"])],
)
def test_it_runs_the_script_of_this_clone(started, options, flags):
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    assert main(["dashboard", *(option.format(free=free) for option in options)]) == 0
    assert started == [("streamlit", "streamlit", "run", str(ROOT / "dashboard.py"), *(flag.format(free=free) for flag in flags))]


def test_without_streamlit_it_says_how_to_install_it(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert refused(capsys) == 'rnnkit: Streamlit is not installed: run  pip install "rnnkit[dashboard]"\n'


@pytest.mark.parametrize("port", ["99999", "-5", "0", "http", ""])
def test_a_port_that_is_none(started, capsys, port):
    assert refused(capsys, "--port", port) == f"rnnkit: --port must be a whole number from 1 to 65535, got {port!r}\n"
    assert started == []


def test_a_port_that_is_taken(started, capsys):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        expected = f"rnnkit: --port must be one that is free and that you may use, got {port}: Address already in use\n"
        assert refused(capsys, "--address", "127.0.0.1", "--port", str(port)) == expected
    assert started == []


@pytest.mark.parametrize("address", ["no such machine", "192.0.2.1", "a..b", "unix://socket", "::x"])
def test_an_address_that_is_not_of_this_machine(started, capsys, address):
    expected = f"rnnkit: --address must be one of this machine, such as localhost or 127.0.0.1, got {address!r}"
    assert refused(capsys, "--address", address).startswith(expected)
    assert started == []


def test_a_limit_that_is_none(started, capsys, monkeypatch):
    monkeypatch.setenv("RNNKIT_WORKERS", "abc")
    assert refused(capsys) == "rnnkit: environment variable RNNKIT_WORKERS must be a whole number above 0, got 'abc'\n"
    assert started == []


@pytest.mark.parametrize(
    "error, message",
    [
        (OSError(-2, "Name or service not known"), "Name or service not known"),
        (FileNotFoundError(2, "No such file or directory", "settings.toml"), "settings.toml: No such file or directory"),
    ],
)
def test_an_error_of_the_system_is_not_blamed_on_the_output(monkeypatch, capsys, error, message):
    def fails(*_, **__):
        raise error

    monkeypatch.setattr("runpy.run_module", fails)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert main(["dashboard"]) == 1
    assert capsys.readouterr().err == f"rnnkit: {message}\n"
