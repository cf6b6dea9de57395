"""`rnnkit dashboard`: starts the dashboard's server in this process, as `streamlit run dashboard.py` does."""

from __future__ import annotations

import argparse
import importlib.util
import os
import runpy
import signal
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

from rnnkit.cli.backend_option import add_backend, choose_backend
from rnnkit.cli.exit_status import REFUSED, SIGNAL_BASE, error_text, fail
from rnnkit.serving.limits import Limits

MAX_PORT = 65535
PACKAGE = Path(__file__).resolve().parents[1]
PACKAGED = PACKAGE / "_dashboard" / "dashboard.py"  # in a wheel, with pages and settings beside it (pyproject.toml)


def add_to(commands: Any) -> None:
    """Adds the subcommand's parser."""
    parser = commands.add_parser(
        "dashboard",
        help="start the dashboard and open it in a browser",
        description="Starts the dashboard and opens it in a browser; Ctrl-C ends it.",
        epilog="Streamlit takes its other settings from the environment: STREAMLIT_SERVER_HEADLESS=true opens no browser.",
    )
    parser.add_argument("--port", metavar="N", help="port to listen at (default 8501, or the next one that is free)")
    parser.add_argument("--address", metavar="HOST", help="address to listen at (default: all of this machine)")
    add_backend(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Runs the server until it ends; Streamlit then raises SystemExit, and so does Ctrl-C."""
    if importlib.util.find_spec("streamlit") is None:
        fail('Streamlit is not installed: run  pip install "rnnkit[dashboard]"', REFUSED)
    try:
        _check_address(args.address, args.port)
        Limits.from_environment()
        choose_backend(args)
    except ValueError as error:
        fail(error)
    options = {"--server.port": args.port, "--server.address": args.address}
    sys.argv = ["streamlit", "run", str(script()), *(f"{name}={value}" for name, value in options.items() if value is not None)]
    signal.signal(signal.SIGINT, _end)
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
    return 0


def _check_address(address: str | None, port: str | None) -> None:
    """Raises ValueError where this machine cannot listen at this address or port."""
    if port is not None and not (port.isdecimal() and 1 <= int(port) <= MAX_PORT):
        raise ValueError(f"--port must be a whole number from 1 to {MAX_PORT}, got {port!r}")
    if address is not None:
        _take(address, 0, f"--address must be one of this machine, such as localhost or 127.0.0.1, got {address!r}")
    if port is not None:
        _take(address or "", int(port), f"--port must be one that is free and that you may use, got {port}")


def _take(address: str, port: int, expected: str) -> None:
    """Takes the port for a moment, as Streamlit does. Raises ValueError with what is expected where the system refuses."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family) as listening:
            if os.name != "nt":  # there it would take a port that is in use
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((address, port))
    except OSError as error:
        raise ValueError(f"{expected}: {error_text(error)}") from None
    except UnicodeError:  # no name of a machine can be of this form
        raise ValueError(expected) from None


def _end(*_: object) -> NoReturn:
    """Handles SIGINT: uvicorn raises it anew once the server has ended, and Streamlit would make 1 of a KeyboardInterrupt."""
    raise SystemExit(SIGNAL_BASE + signal.SIGINT)


def script() -> Path:
    """Returns the path of dashboard.py: inside an installed package, or beside the package in a clone."""
    return PACKAGED if PACKAGED.is_file() else PACKAGE.parent / "dashboard.py"
