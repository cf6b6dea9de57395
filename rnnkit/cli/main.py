"""Parses the arguments and calls a subcommand. A new subcommand is one file in this folder and one name in COMMANDS."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from rnnkit.cli import dashboard, papers, results, sweep, train
from rnnkit.cli import list as list_
from rnnkit.cli.exit_status import fail, run
from rnnkit.sweep.digest import versions

COMMANDS = (train, sweep, papers, results, list_, dashboard)  # each has add_to(subparsers), which sets `run`: args -> exit code


def main(argv: Sequence[str] | None = None) -> int:
    """Runs `rnnkit ARGUMENTS` and returns the exit code (rnnkit/cli/exit_status.py).

    Raises SystemExit with that code where an argument is refused, as argparse does.
    """

    def command() -> int:
        args = parser().parse_args(argv)
        return args.run(args)

    return run(command)


class _Parser(argparse.ArgumentParser):
    """Reports a wrong argument in one line, without the usage of all options."""

    def error(self, message: str) -> NoReturn:
        fail(f"{message} (see {self.prog} --help)")


def parser() -> argparse.ArgumentParser:
    """Returns the parser of all subcommands."""
    whole = _Parser(
        "rnnkit",
        description="The command line: `python -m rnnkit train --task agreement --length 50 --cell lstm ...`.",
        epilog=train.EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action="version", version=versions(), help="print the versions of rnnkit, numpy and torch")
    commands = whole.add_subparsers(required=True, metavar=" | ".join(c.__name__.rpartition(".")[2] for c in COMMANDS))
    for command in COMMANDS:
        command.add_to(commands)
    return whole
