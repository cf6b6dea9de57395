"""`rnnkit` and `python -m rnnkit`: the command line (rnnkit/cli/)."""

import sys

from rnnkit.cli.exit_status import run


def main() -> int:
    """Loads the command line and runs it; returns the exit code. Ctrl-C ends it in words while modules load, too."""

    def command() -> int:
        from rnnkit.cli.main import main

        return main()

    return run(command)


if __name__ == "__main__":
    sys.exit(main())
