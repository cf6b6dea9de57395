"""`rnnkit` and `python -m rnnkit`: the command line (rnnkit/cli/)."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rnnkit.cli.exit_status import run


def main(argv: Sequence[str] | None = None) -> int:
    """Loads and calls rnnkit.cli.main.main, and returns the exit code. Ctrl-C ends it in words while modules load, too."""

    def command() -> int:
        from rnnkit.cli.main import main

        return main(argv)

    return run(command)


if __name__ == "__main__":
    sys.exit(main())
