"""The option --backend of the commands that train."""

from __future__ import annotations

import argparse

from rnnkit.engine import backends


def add_backend(parser: argparse.ArgumentParser) -> None:
    """Adds --backend, which `choose_backend` reads."""
    parser.add_argument(
        "--backend",
        metavar="NAME",
        help=f"what runs the loops over time: {' or '.join(backends.BACKENDS)} (default: {backends.VARIABLE}, else torch). "
        "compiled is C++, built on this machine when it is first asked for",
    )


def choose_backend(args: argparse.Namespace) -> None:
    """Chooses the backend, here and in the processes that this one starts. Raises ValueError where it cannot run here."""
    name = backends.named() if args.backend is None else backends.checked(args.backend, "--backend")
    backends.use_backend(name)
