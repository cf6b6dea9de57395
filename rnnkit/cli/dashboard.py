"""`rnnkit dashboard`: starts the dashboard's server in this process, as `streamlit run dashboard.py` does."""

from __future__ import annotations

import argparse
import importlib.util
import runpy
import sys
from pathlib import Path
from typing import Any

from rnnkit.cli.backend_option import add_backend, choose_backend
from rnnkit.cli.exit_status import REFUSED, fail

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
    parser.add_argument("--port", metavar="N", type=int, help="port to listen at (default 8501, or the next one that is free)")
    parser.add_argument("--address", metavar="HOST", help="address to listen at (default: all of this machine)")
    add_backend(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Runs the server until it ends; Streamlit then raises SystemExit."""
    if importlib.util.find_spec("streamlit") is None:
        fail('Streamlit is not installed: run  pip install "rnnkit[dashboard]"', REFUSED)
    try:
        choose_backend(args)
    except ValueError as error:
        fail(error)
    options = {"--server.port": args.port, "--server.address": args.address}
    sys.argv = ["streamlit", "run", str(script()), *(f"{name}={value}" for name, value in options.items() if value is not None)]
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
    return 0


def script() -> Path:
    """Returns the path of dashboard.py: inside an installed package, or beside the package in a clone."""
    return PACKAGED if PACKAGED.is_file() else PACKAGE.parent / "dashboard.py"
