"""RunPool with real worker processes: shared runs, demand, eviction, death of a worker, end of the server."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from pool_runs import LONG, SHORT, assert_same, is_running, wait

from rnnkit import ExperimentError, train
from rnnkit.engine.history import History
from rnnkit.serving.limits import Limits
from rnnkit.serving.process import ROOT
from rnnkit.serving.run_pool import RunPool
from rnnkit.studies import STUDIES


@pytest.fixture
def pool():
    pool = RunPool(Limits(workers=1, idle_seconds=600))  # these viewers look once, and a busy machine starts workers slowly
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def expected():
    torch.set_num_threads(1)
    history = History(SHORT)
    for record in train(SHORT):
        history.append(record)
    return history


def test_a_run_is_the_same_as_training_here(pool, expected):
    run = pool.get(SHORT)
    pool.watch(run, "me", run.rows)
    wait(lambda: run.done)
    assert run.status == "done"
    assert_same(run.history, expected)


def test_viewers_share_a_run(pool):
    a, b = pool.get(SHORT), pool.get(replace(SHORT))
    assert a is b
    pool.watch(a, "one", 2)
    pool.watch(b, "two", 5)
    wait(lambda: a.history.n == 5)
    assert len(a.viewers) == 2 and len(pool.workers) == 1


def test_it_trains_as_far_as_somebody_wants_and_then_on(pool, expected):
    run = pool.get(SHORT)
    pool.watch(run, "me", 1)
    wait(lambda: run.history.n == 1)
    assert run.status == "waiting"
    pool.watch(run, "me", 4)
    wait(lambda: run.history.n == 4)
    pool.watch(run, "me", run.rows)
    wait(lambda: run.done)
    assert_same(run.history, expected)


def test_an_evicted_run_goes_on_with_the_same_numbers(pool, expected):
    run, other = pool.get(SHORT), pool.get(replace(SHORT, seed=5))
    pool.watch(run, "me", 10)
    wait(lambda: run.history.n == 10)
    pool.watch(other, "you", other.rows)  # the only worker goes to the run that wants more
    wait(lambda: other.done)
    assert run.worker is None
    pool.watch(run, "me", run.rows)
    wait(lambda: run.done)
    assert_same(run.history, expected)


def test_the_queue_is_first_come_first_served(pool):
    long, second, third = pool.get(LONG), pool.get(SHORT), pool.get(replace(SHORT, seed=1))
    pool.watch(long, "a", long.rows)
    wait(lambda: long.status == "training")
    pool.watch(second, "b", second.rows)
    pool.watch(third, "c", third.rows)
    assert second.status == "queued" and [pool.queue_position(run).number for run in (second, third, long)] == [1, 2, 0]
    pool.leave(long, "a")
    wait(lambda: second.done and third.done)


def test_patient_viewers_let_others_go_first(pool):
    long, many, one = pool.get(LONG), [pool.get(replace(SHORT, seed=seed)) for seed in (2, 3)], pool.get(SHORT)
    pool.watch(long, "a", long.rows)
    wait(lambda: long.status == "training")
    for run in many:
        pool.watch(run, "panel", run.rows, low_priority=True)
    pool.watch(one, "b", one.rows)
    assert [pool.queue_position(run).number for run in (one, *many)] == [1, 2, 3]
    pool.watch(many[1], "c", 3)
    assert [pool.queue_position(run).number for run in (one, many[1], many[0])] == [1, 2, 3]
    pool.leave(long, "a")
    wait(lambda: one.done and all(run.done for run in many))


def test_a_run_that_nobody_watches_is_stopped_and_forgotten_last():
    pool = RunPool(Limits(workers=1, idle_seconds=1, keep_megabytes=1))
    try:
        run = pool.get(LONG)

        def looks_until_it_runs():
            pool.watch(run, "me", run.rows)
            return run.history.n > 0

        wait(looks_until_it_runs)
        wait(lambda: run.worker is None)
        assert run.viewers == {}
        kept = pool.get(SHORT)
        assert pool.get(SHORT) is kept and LONG.key not in pool.runs  # only one megabyte may stay
    finally:
        pool.close()


def test_a_forgotten_run_comes_back_or_gives_way_to_the_one_begun_anew(pool):
    run = pool.get(SHORT)
    del pool.runs[SHORT.key]
    assert pool.adopt(run) is run and pool.get(SHORT) is run
    del pool.runs[SHORT.key]
    anew = pool.get(SHORT)
    assert pool.adopt(run) is anew is not run


def test_a_worker_that_hangs_is_ended_with_a_reason():
    pool = RunPool(Limits(workers=1))
    try:
        run = pool.get(LONG)
        wait(lambda: pool.watch(run, "me", run.rows) or run.history.n > 0)
        os.kill(run.worker.process.pid, signal.SIGSTOP)
        pool.limits = replace(pool.limits, hang_seconds=2)  # not from the start: importing torch may take longer
        wait(lambda: pool.watch(run, "me", run.rows) or run.error)
        assert "did not answer" in run.error
    finally:
        pool.close()


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_that_dies_fails_the_run_with_a_reason_and_keeps_its_rows(pool, sign):
    run = pool.get(LONG)
    pool.watch(run, "me", run.rows)
    wait(lambda: run.history.n >= 2)
    os.kill(run.worker.process.pid, sign)
    wait(lambda: run.error)
    rows = run.history.n
    assert sign.name in run.error and rows >= 2 and run.status == "failed"
    pool.retry(run)
    pool.watch(run, "me", rows + 2)
    wait(lambda: run.history.n >= rows + 2)
    assert run.error == ""


def test_limits_are_refused_with_the_limit(pool):
    with pytest.raises(ExperimentError, match="length may be at most 1000 on this server, got 2000"):
        pool.get(replace(SHORT, length=2000))
    with pytest.raises(ExperimentError, match="MB"):
        pool.get(replace(SHORT, length=1000, hidden=256, batch=256, replicas=32))
    with pytest.raises(ExperimentError, match="GFLOP"):
        pool.get(replace(SHORT, length=1000, hidden=256, batch=16, replicas=2, steps=5000))


def test_limits_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("RNNKIT_MAX_LENGTH", "77")
    assert Limits.from_environment().max_length == 77
    monkeypatch.setenv("RNNKIT_MAX_LENGTH", "many")
    with pytest.raises(ValueError, match="RNNKIT_MAX_LENGTH must be a whole number above 0, got 'many'"):
        Limits.from_environment()


# ---- studies ----


def test_a_study_is_answered_once_for_all_who_ask(pool):
    answer = pool.ask("weights", SHORT, step=3, replica=1)
    assert pool.ask("weights", SHORT, step=3, replica=1) is answer
    assert answer.ended.wait(60) and answer.done and not answer.error
    *_, expected = STUDIES["weights"](SHORT, step=3, replica=1)
    assert answer.parts[-1].keys() == expected.keys()
    assert all(np.array_equal(answer.parts[-1][k], W) for k, W in expected.items())
    assert pool.ask("weights", SHORT, step=2, replica=1) is not answer


def test_a_study_is_answered_while_the_only_worker_trains(pool):
    run = pool.get(LONG)
    pool.watch(run, "me", run.rows)
    wait(lambda: run.history.n > 0)
    assert pool.ask("weights", SHORT).ended.wait(60)
    before = run.history.n
    assert not run.done and run.error == "" and len(pool.workers) == 1
    wait(lambda: run.history.n > before)  # and the training goes on


def test_a_study_that_fails_says_why_and_can_be_tried_again(pool):
    answer = pool.ask("weights", SHORT, nonsense=1)
    assert answer.ended.wait(60) and not answer.done and "nonsense" in answer.error
    assert pool.ask("weights", SHORT, nonsense=1) is answer, "not again by itself"
    pool.forget(answer)
    assert pool.ask("weights", SHORT, nonsense=1) is not answer
    assert pool.ask("weights", SHORT).ended.wait(60), "the worker lives on"


def test_a_worker_that_dies_ends_its_studies_with_a_reason(pool):
    wait(lambda: pool.workers[0].ready)
    answer = pool.ask("weights", replace(LONG, steps=5000), step=5000)
    os.kill(pool.workers[0].process.pid, signal.SIGKILL)
    assert answer.ended.wait(30) and "SIGKILL" in answer.error
    assert pool.ask("weights", SHORT).ended.wait(60)


def test_answers_are_forgotten_before_they_fill_the_memory():
    pool = RunPool(Limits(workers=1, keep_megabytes=1))
    try:
        wide = replace(SHORT, hidden=128)
        for seed in range(6):
            assert pool.ask("weights", replace(wide, seed=seed)).ended.wait(60)
        sizes = [answer.nbytes for answer in pool.answers.values()]
        wait(lambda: sum(answer.nbytes for answer in list(pool.answers.values())) <= 2**18)
        assert max(sizes) > 50_000
    finally:
        pool.close()


def test_a_study_past_the_limits_is_refused(pool):
    with pytest.raises(ExperimentError, match="length may be at most 1000 on this server"):
        pool.ask("weights", replace(SHORT, length=2000))


def test_missing_torch_is_said_in_words(tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\")")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    pool = RunPool(Limits(workers=1))
    try:
        run = pool.get(SHORT)
        pool.watch(run, "me", 1)
        wait(lambda: run.error)
        assert "pip install torch" in run.error
    finally:
        pool.close()


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_worker_outlives_the_server(sign):
    code = (
        "import signal, time; from rnnkit.serving.run_pool import RunPool; p = RunPool(); "
        "signal.signal(signal.SIGINT, signal.default_int_handler); "  # a shell's background jobs ignore it
        "print(p.workers[0].process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL
    ) as server:
        worker = int(server.stdout.readline())
        server.send_signal(sign)
        server.wait()
    wait(lambda: not is_running(worker))
