"""What goes wrong in a worker, each caused for real: killed, too large, asked for nonsense; and servers that are killed."""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
from pool_runs import LONG, SHORT, assert_same, is_running, wait

from rnnkit import train
from rnnkit.engine.history import History
from rnnkit.engine.record import unpack_record
from rnnkit.serving.limits import Limits
from rnnkit.serving.process import ROOT
from rnnkit.serving.resources import resident
from rnnkit.serving.run_pool import RunPool
from rnnkit.serving.worker import DONE, ERROR, FAILED, HEADER, PART, READY, RECORD, TOO_LARGE

SOON = replace(LONG, steps=60)


# ---- killed ----


def test_a_killed_worker_costs_others_nothing_and_its_run_goes_on_with_the_same_numbers():
    pool = RunPool(Limits(workers=2, idle_seconds=600))
    try:
        mine, others = pool.get(SOON), pool.get(replace(SOON, seed=9))
        pool.watch(mine, "me", mine.rows)
        pool.watch(others, "you", others.rows)
        wait(lambda: mine.history.n > 2 and others.worker)
        worker = others.worker
        os.kill(mine.worker.process.pid, signal.SIGKILL)
        wait(lambda: mine.error)
        assert "SIGKILL" in mine.error and 2 < mine.history.n < mine.rows
        pool.retry(mine)
        wait(lambda: mine.done and others.done)
        assert not others.error and worker in pool.workers
        assert_same(mine.history, History.of(SOON, train(SOON)))
    finally:
        pool.close()


# ---- too large ----


@pytest.mark.parametrize("size", [{"length": 300, "batch": 32}, {"length": 1000, "hidden": 200}], ids=["a little", "far"])
def test_a_run_that_takes_more_memory_than_a_worker_may_ends_with_a_message(size):
    """As if the limits had not foreseen it."""
    pool = RunPool(Limits(workers=1, worker_megabytes=280, max_megabytes=5000, max_gigaflops=10**9, idle_seconds=600))
    try:
        wait(lambda: pool.workers[0].ready)
        worker, run = pool.workers[0], pool.get(replace(LONG, **size))
        pool.watch(run, "me", run.rows)
        wait(lambda: run.error or run.history.n > 5)
        assert run.error == TOO_LARGE and highest(worker.process.pid) < 280 + 80
        pool.watch(pool.get(SHORT), "me", 20)
        wait(lambda: pool.get(SHORT).history.n == 20)
        assert pool.workers == [worker], "the process lives on"
        assert resident(worker.process.pid) < 280, "and has given the memory back"
    finally:
        pool.close()


def highest(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmHWM:\s+(\d+)", status.read())[1]) / 1024


def test_the_server_ends_a_worker_that_grows_all_the_same():
    pool = RunPool(Limits(workers=1))
    try:
        run = pool.get(LONG)
        wait(lambda: pool.watch(run, "me", run.rows) or run.history.n > 0)
        pool.limits = replace(pool.limits, worker_megabytes=100)  # the worker does not know
        wait(lambda: pool.watch(run, "me", run.rows) or run.error)
        assert run.error == TOO_LARGE and run.history.n > 0
    finally:
        pool.close()


def test_an_idle_worker_that_stayed_large_is_replaced(monkeypatch):
    monkeypatch.setattr("rnnkit.serving.run_pool.GROWN", -100)
    monkeypatch.setattr("rnnkit.serving.run_pool.REST", 0.5)
    pool = RunPool(Limits(workers=1))
    try:
        first = pool.workers[0]
        wait(lambda: first not in pool.workers and first.process.poll() is not None)
        wait(lambda: pool.workers)
    finally:
        pool.close()


# ---- asked for nonsense ----


class Bare:
    """A worker process without a server."""

    def __init__(self, **limits):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rnnkit.serving.worker"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | limits,
        )

    def say(self, line):
        self.process.stdin.write((line if isinstance(line, str) else json.dumps(line)).encode() + b"\n")
        self.process.stdin.flush()

    def frame(self):
        kind, ticket, _, size = HEADER.unpack(self.process.stdout.read(HEADER.size))
        return kind, ticket, self.process.stdout.read(size)


@pytest.fixture(scope="module")
def bare():
    worker = Bare(RNNKIT_MAX_LENGTH="300")
    assert worker.frame()[0] == READY
    yield worker
    worker.process.stdin.close()
    assert worker.process.wait(10) == 0


GOOD = {"ticket": 7, "experiment": SHORT.to_dict(), "skip": 0, "until": 2}
NONSENSE = {
    "no JSON": "{",
    "nested": "[" * 100_000,
    "no object": [1],
    "nothing": {},
    "unknown": {"explode": True},
    "a field is missing": {"ticket": 1, "experiment": {}, "until": 3},
    "a wrong type": GOOD | {"until": "many"},
    "a truth for a number": GOOD | {"ticket": True},
    "a ticket out of range": GOOD | {"ticket": 2**32},
    "data of no kind": {"kind": "Object", "data": "x"},
    "broken data": {"kind": "Corpus", "data": "{}"},
}


@pytest.mark.parametrize("line", NONSENSE.values(), ids=NONSENSE.keys())
def test_a_command_that_is_none_is_answered_and_the_next_one_done(bare, line):
    bare.say(line)
    kind, ticket, why = bare.frame()
    assert (kind, ticket) == (ERROR, 0) and why.decode()
    bare.say(GOOD)
    assert [bare.frame()[:2] for _ in range(2)] == [(RECORD, 7)] * 2


PAST = {
    "the limits": (replace(SHORT, length=301).to_dict(), "length may be at most 300 on this server, got 301"),
    "the package's own range": (SHORT.to_dict() | {"hidden": -5}, "hidden"),
    "what there is": (SHORT.to_dict() | {"cell": "__import__"}, "cell"),
    "memory": (replace(SHORT, length=300, hidden=256, batch=256, replicas=32).to_dict(), "MB"),
    "the data": (SHORT.to_dict() | {"task": "corpus", "data": "0123456789abcdef"}, "0123456789abcdef"),
}


@pytest.mark.parametrize("study", [{}, {"study": "weights", "options": {}}], ids=["run", "study"])
@pytest.mark.parametrize(("experiment", "said"), PAST.values(), ids=PAST.keys())
def test_the_worker_keeps_the_limits_too(bare, experiment, said, study):
    command = {"ticket": 8, "experiment": experiment} | (study or {"skip": 0, "until": 2})
    bare.say(command)
    kind, ticket, why = bare.frame()
    assert (kind, ticket) == (FAILED if study else ERROR, 8) and said in why.decode()


def test_a_study_that_is_not_there_or_is_asked_in_a_wrong_way(bare):
    for study, options in (("__class__", {}), ("weights", {"step": "x"})):
        bare.say({"study": study, "ticket": 9, "experiment": SHORT.to_dict(), "options": options})
        assert bare.frame()[:2] == (FAILED, 9)


@pytest.mark.parametrize("said", [[GOOD | {"until": 10**9}], [GOOD, {"until": 10**9}]], ids=["at first", "later"])
def test_a_goal_behind_the_end_is_the_end(bare, said):
    for command in said:
        bare.say(command)
    steps = [unpack_record(bare.frame()[2]).step for _ in SHORT.recorded_steps]
    assert steps == SHORT.recorded_steps
    bare.say({"study": "weights", "ticket": 10, "experiment": SHORT.to_dict(), "options": {}})
    assert [bare.frame()[0] for _ in range(2)] == [PART, DONE], "it waits for what comes next"
    bare.say(GOOD)
    assert [bare.frame()[:2] for _ in range(2)] == [(RECORD, 7)] * 2


# ---- the server is killed ----

BUSY = """
import sys, time
from rnnkit import Experiment
from rnnkit.serving.limits import Limits
from rnnkit.serving.run_pool import RunPool
pool = RunPool(Limits(workers=1))
e = Experiment(length=1000, hidden=256, batch=64, replicas=2, steps=50)
run = pool.get(e)
pool.watch(run, "me", run.rows)
while not pool.workers[0].ready: time.sleep(0.05)
if sys.argv[1] == "study": pool.leave(run, "me"); pool.ask("gradient_flow", e)
time.sleep(0.5)
print(pool.workers[0].process.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("work", ["run", "study"])
def test_no_busy_worker_outlives_a_killed_server(work):
    with subprocess.Popen([sys.executable, "-c", BUSY, work], cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        worker = int(server.stdout.readline())
        assert is_running(worker)
        server.kill()
        server.wait()
    wait(lambda: not is_running(worker), 30)
