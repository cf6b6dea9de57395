"""The processes that train a sweep: killed, stopped, not startable, too small; each test with real ones."""

import os
import signal
import sys
from dataclasses import replace

import pandas as pd
import pytest
from command_line import start
from serving import until

from rnnkit import Experiment, Sweep
from rnnkit.serving import resources
from rnnkit.serving.worker import TOO_LARGE
from rnnkit.sweep.executors import InProcess, LocalProcesses, local
from rnnkit.sweep.store import Store

SMALL = Experiment(length=7, hidden=6, batch=8, replicas=2, steps=30)
LONG = replace(SMALL, steps=1_000_000, seed=1)


def rows(result):
    return result.frame().drop(columns="seconds").astype(str).to_dict("records")


def first_jobs(executor):
    """Process -> the job that it trains."""
    return {worker: next(iter(tickets.values())) for worker, tickets in executor._asked.items() if tickets and worker.ready}


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_two_processes_give_the_rows_of_one_and_serve_several_sweeps(tmp_path):
    sweep = Sweep(SMALL, {"length": [7, 8, 9, 10]}, {"tanh": {}, "lstm": {"cell": "lstm"}})
    with Store(tmp_path / "a") as a, Store(tmp_path / "b") as b, LocalProcesses(2) as executor:
        expected = rows(sweep.run(store=a, executor=InProcess(), progress=False))
        jobs = [(e, "solved") for e in sweep.runs]
        assert len([event for event in executor.outcomes(jobs) if isinstance(event, tuple)]) == 8
        pids = {worker.process.pid for worker in executor._asked}
        assert len(list(filter(None, executor.outcomes(jobs)))) == 8
        assert {worker.process.pid for worker in executor._asked} == pids and len(pids) == 2, "the same processes, warm"
        assert rows(sweep.run(store=b, executor=executor, progress=False)) == expected
    assert until(lambda: not any(map(alive, pids)), "the processes end with the executor")


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_killed_process_costs_no_run(tmp_path, capsys):
    """Killed while it trains, with a second run waiting in it. The rows are those of an undisturbed sweep."""
    sweep = Sweep(replace(SMALL, steps=400), {"length": [20, 21, 22, 23]}, until="end")
    killed = []

    class Killing(LocalProcesses):
        def outcomes(self, jobs):
            for event in super().outcomes(jobs):
                if not killed and event is None and (training := first_jobs(self)):
                    killed.append(next(iter(training)))
                    killed[0].process.send_signal(signal.SIGKILL)
                yield event

    with Store(tmp_path / "a") as a, Store(tmp_path / "b") as b:
        result = sweep.run(store=a, executor=Killing(2), progress=True)
        assert killed and not result.failed and not result.missing
        assert "the training process was ended by SIGKILL" in (err := capsys.readouterr().err) and "its run is begun anew" in err
        assert rows(result) == rows(sweep.run(store=b, executor=InProcess(), progress=False))


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_run_that_ends_its_process_each_time_fails_by_name_and_the_others_run():
    jobs = [(LONG, "end"), *((replace(SMALL, seed=seed), "end") for seed in (2, 3, 4))]
    ended, kills = {}, 0
    with LocalProcesses(2) as executor:
        for event in executor.outcomes(jobs):
            for worker, job in first_jobs(executor).items():
                if job == 0 and event is None and worker.process.poll() is None:
                    kills += 1
                    worker.process.send_signal(signal.SIGKILL)
                    worker.process.wait()
            if isinstance(event, tuple):
                ended[event[0]] = event[1]
    assert ended.keys() == {0, 1, 2, 3} and kills == local.MAX_TRIES
    assert ended[0].startswith("the training process was ended by SIGKILL") and ended[0].endswith(", 3 times")
    assert all(not isinstance(ended[i], str) for i in (1, 2, 3))


def test_a_sweep_that_is_given_up_ends_what_trains():
    with LocalProcesses(1) as executor:
        events = executor.outcomes([(LONG, "end")])
        while not first_jobs(executor):
            next(events)
        (worker,) = executor._asked
        events.close()
        assert until(lambda: not alive(worker.process.pid), "the process has ended") and not executor._asked


def test_processes_that_cannot_start_are_an_error_in_words(monkeypatch):
    monkeypatch.setattr("rnnkit.serving.process.ROOT", "/")  # where no rnnkit is
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with LocalProcesses(2) as executor, pytest.raises(RuntimeError, match=r"no training process can be started: .*code 1"):
        list(executor.outcomes([(SMALL, "end"), (LONG, "end")]))


def test_a_run_that_needs_too_much_memory_is_named(monkeypatch):
    monkeypatch.setattr(resources, "memory", lambda: 1300.0)
    with LocalProcesses(2) as executor:
        large = replace(SMALL, length=1000, hidden=256, batch=64)
        (first, problem), *others = [event for event in executor.outcomes([(large, "end"), (SMALL, "end")]) if event]
    assert (first, len(others)) == (0, 1)
    assert problem.startswith("needs about ") and "each of 2 processes here has" in problem


def test_a_process_that_runs_out_of_memory_is_replaced(monkeypatch):
    """The run is named; the one that waited in that process and the others are trained."""
    monkeypatch.setattr(resources, "memory", lambda: 600.0)
    large = replace(SMALL, length=1000, hidden=256, batch=64, replicas=8)
    with LocalProcesses(1) as executor:
        executor._limits = replace(executor._limits, max_megabytes=10**6)  # as if the estimate were wrong
        found = dict(e for e in executor.outcomes([(large, "end"), (SMALL, "end"), (replace(SMALL, seed=3), "end")]) if e)
    assert found[0] == TOO_LARGE and not isinstance(found[1], str) and not isinstance(found[2], str)


def test_the_number_of_processes_is_checked():
    with pytest.raises(ValueError, match="expected at least 1 process, got 0"):
        LocalProcesses(0)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_what_is_done_and_the_same_command_goes_on(number, tmp_path):
    sizes = ["--hidden", "6", "--batch", "8", "--replicas", "2", "--steps", "150", "--until", "end"]
    command = ["sweep", *sizes, "--axis", "length=7,8,9,10,11,12,13,14", "--out", "a.csv", "--force", "--jobs", "2"]
    options = {"cwd": tmp_path, "env": {"RNNKIT_STORE": str(tmp_path / "store")}, "start_new_session": True}
    program = start(*command, **options)
    done = [program.stdout.readline() for _ in range(2)]
    os.killpg(program.pid, number)  # as a terminal does: the processes that train get it, too
    done += program.stdout.read().splitlines()  # not communicate(): it leaves out what readline() has read ahead
    err = program.stderr.read()
    program.wait(100)
    assert program.returncode == 128 + number and all(" of 2 learn" in line for line in done) and 2 <= len(done) < 8
    name = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}[number]
    assert f"stopped by {name}: {len(done)} of 8 runs are done; the same command goes on from there" in err
    assert "Traceback" not in err and "anew" not in err
    first = pd.read_csv(tmp_path / "a.csv")
    assert len(first) == 2 * len(done)
    out, err = start(*command, **options).communicate(timeout=100)
    assert err == "" and out.count(" of 2 learn") == 8
    both = pd.read_csv(tmp_path / "a.csv")
    assert len(both) == 16 and both[both.length.isin(first.length)].reset_index(drop=True).equals(first), "seconds included"
