"""A real server: `streamlit run dashboard.py` in a process of its own, with its training processes. What tests with a browser and
tests without one share."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[1]


class Server:
    """On a free port, or on this one; `within` is a command that runs the one behind it, `environment` is added to ours.

    `start` is what Python starts as a module, in `folder`."""

    def __init__(self, log, port=0, within=(), start=("streamlit", "run", "dashboard.py"), folder=ROOT, **environment):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = port or free.getsockname()[1]
        own = {"HEADLESS": "true", "ADDRESS": "127.0.0.1", "PORT": str(self.port)}
        environment |= {f"STREAMLIT_SERVER_{name}": value for name, value in own.items()}
        command = [*within, sys.executable, "-m", *start]
        out = {"stdout": log.open("wb"), "stderr": subprocess.STDOUT}
        self.process = subprocess.Popen(command, cwd=folder, env=os.environ | environment, **out)
        self.url = f"http://127.0.0.1:{self.port}"
        until(self._answers, f"an answer of {self.url}: {log}")

    def _answers(self):
        assert self.process.poll() is None, "the server ended at once"
        try:
            return urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=5).status == 200
        except OSError:
            return False

    def link(self, path="/lab", **query):
        """The address of a page; by default that of the lab."""
        return self.url + path + (f"?{urlencode(query)}" if query else "")

    def workers(self):
        """Ids of the server's training processes."""
        return self.children("rnnkit.serving.worker")

    def children(self, module=""):
        """Ids of the processes that the server has started, of all or with this module."""
        return [pid for pid, parent in running(module).items() if parent == self.process.pid]

    def kill(self):
        self.process.kill()
        self.process.wait()


def running(module=""):
    """Id -> parent's id, of every process on this machine that still runs, or every Python process with this module."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().split(b"\0")
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:  # it has just ended
                continue
            if (not module or module.encode() in command) and state != "Z":
                found[int(entry.name)] = int(parent)
    return found


def running_workers():
    return running("rnnkit.serving.worker")


def until(condition, what, seconds=60, wait=time.sleep):
    """Asks again and again; returns the first answer that is true."""
    end = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        wait(0.1)
    return answer
