"""What tests of the command line share."""

import os
import subprocess
import sys

from conftest import ROOT

SMALL = ["--length", "10", "--hidden", "8", "--batch", "8", "--replicas", "2", "--steps", "12", "--quiet"]
PLAIN_SIGNALS = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "  # a background job ignores SIGINT
)


def start(*arguments, stdout=subprocess.PIPE, before="", env=(), **more):
    """The program in a process of its own; `env` has environment variables of its own."""
    code = PLAIN_SIGNALS + before + "from rnnkit.cli.main import main; sys.exit(main(sys.argv[1:]))"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | dict(env)
    pipes = {"stdout": stdout, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", code, *arguments], env=environment, **pipes, **more)
