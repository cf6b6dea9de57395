"""The queue in front of the workers: its order, its words, its estimates; then with real workers: turns, leaving, coming back."""

import time
from collections import Counter
from dataclasses import replace

import pytest
from pool_runs import LONG, SHORT, assert_same, wait

from rnnkit import train
from rnnkit.engine.history import History
from rnnkit.serving.limits import Limits
from rnnkit.serving.resources import cores, memory
from rnnkit.serving.run_pool import RunPool
from rnnkit.serving.scheduler import LOW_PRIORITY_DELAY, QueuePosition, Request, in_order, slice_of, start_times
from rnnkit.stories.presets import PRESETS
from rnnkit.stories.remedies import PANELS


def order(*requests, busy=(), served=None):
    """requests: (run, user, since) or (run, user, since, "low")."""
    runs = {}
    for run, user, since, *low in requests:
        runs.setdefault(run, []).append(Request(bool(low), since, user))
    return "".join(in_order(runs, Counter(busy), served or {}))


@pytest.mark.parametrize(
    ("requests", "more", "expected"),
    [
        ([("a", "ann", 1), ("b", "bob", 2), ("c", "cy", 3)], {}, "abc"),
        ([("1", "ann", 1), ("2", "ann", 1), ("3", "ann", 1), ("b", "bob", 2), ("c", "cy", 9)], {}, "1bc23"),
        ([("1", "ann", 1), ("b", "bob", 2)], {"busy": ["ann"]}, "b1"),  # ann's other run trains
        ([("1", "ann", 1), ("b", "bob", 2)], {"served": {"ann": 3}}, "b1"),  # ann's other run has just been trained
        ([("p", "ann", 1, "low"), ("n", "ann", 5)], {}, "np"),
        ([("p", "ann", 1, "low"), ("b", "bob", 1 + LOW_PRIORITY_DELAY / 2)], {}, "bp"),
        ([("p", "ann", 1, "low"), ("b", "bob", 2 + LOW_PRIORITY_DELAY)], {}, "pb"),  # not for ever
        ([("s", "ann", 9), ("b", "bob", 5), ("s", "cy", 1)], {}, "sb"),  # shared: the earliest counts
        ([("s", "ann", 9), ("s", "ann", 1, "low"), ("b", "bob", 5)], {}, "bs"),  # one user twice
    ],
)
def test_the_order_is_fair_between_users(requests, more, expected):
    assert order(*requests, **more) == expected


def test_nobody_starves_however_many_come():
    """One worker, a panel of eight runs, and every second a newcomer."""
    waiting = [(f"p{i}", "panel", 0.0) for i in range(8)]
    served, done = {}, []
    for now in range(1, 60):
        waiting.append((f"n{now}", f"new{now}", float(now)))
        runs = {run: [Request(False, since, user)] for run, user, since in waiting}
        first = in_order(runs, Counter(), served)[0]
        one = next(request for request in waiting if request[0] == first)
        waiting.remove(one)
        served[one[1]] = now + 0.5
        done.append(first)
    assert done[0] == "p0" and done[1] == "n1", "one each, in turn"
    assert sum(run.startswith("p") for run in done) == 8, "and the whole panel in the end"


def test_the_place_is_told_in_words():
    texts = [str(QueuePosition(n, s)) for n, s in ((1, 0), (2, 21.0), (3, 18), (11, 70), (23, 600), (22, 9000), (0, 0))]
    assert texts == [
        "next in line, about 5 s",
        "2nd in line, about 20 s",
        "3rd in line, about 20 s",
        "11th in line, about 1 min",
        "23rd in line, about 10 min",
        "22nd in line, more than an hour",
        "",
    ]


def test_the_wait_is_that_for_the_first_free_worker():
    assert start_times([10, 4], [5, 5, 5]) == [4, 9, 10]
    assert [slice_of(30, done) for done in (0, 30, 120)] == [30, 60, 240]


# ---- how many workers ----


@pytest.mark.parametrize(
    ("groups", "files", "megabytes", "share"),
    [
        ("0::/a/b", {"a/memory.max": "723517440", "a/b/memory.max": "max"}, 690, None),
        ("4:memory:/x\n1:cpu,cpuacct:/x", {"memory/memory.limit_in_bytes": "723517440"}, 690, None),
        ("0::/", {"cpu.max": "7800 100000"}, None, 1),
        ("1:cpu:/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None, None),
        ("1:cpu:/", {"cpu/cpu.cfs_quota_us": "7800", "cpu/cpu.cfs_period_us": "100000"}, None, 1),
    ],
)
def test_a_containers_limits_are_those_of_the_machine(groups, files, megabytes, share, tmp_path):
    files = {f"sys/fs/cgroup/{name}": text for name, text in files.items()} | {"proc/self/cgroup": groups}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    nowhere = tmp_path / "nowhere"
    assert memory(tmp_path) == (megabytes or memory(nowhere))
    assert cores(tmp_path) == (share or cores(nowhere))


@pytest.mark.parametrize(("room", "workers", "each"), [(690, 1, 350), (2700, 2, 550), (24_000, 2, 1024)])
def test_workers_follow_from_cores_and_memory(room, workers, each, monkeypatch):
    monkeypatch.setattr("rnnkit.serving.resources.memory", lambda: room)
    monkeypatch.setattr("rnnkit.serving.resources.cores", lambda: 2)
    limits = Limits()
    assert (limits.workers, limits.worker_megabytes) == (workers, each)
    shown = [preset.experiment for preset in PRESETS.values()]
    shown += [remedy.experiment for panel in PANELS.values() for remedy in panel.remedies.values()]
    assert [e for e in shown if limits.check(e)] == [], "every story and every remedy is welcome everywhere"
    monkeypatch.setenv("RNNKIT_WORKERS", "3")
    assert Limits.from_environment().workers == 3


# ---- with real workers ----


@pytest.fixture
def pool():
    pool = RunPool(Limits(workers=1, slice_seconds=1, idle_seconds=600))
    yield pool
    pool.close()


def test_a_long_run_lets_others_take_their_turn_and_goes_on_with_the_same_numbers(pool):
    long = pool.get(replace(LONG, steps=300))
    others = [pool.get(replace(SHORT, seed=seed)) for seed in (1, 2)]
    pool.watch(long, "ann", long.rows)
    long.worker.slice = 600.0  # its slice of time is not over, however slow the machine
    wait(lambda: long.history.n > 0)
    for run in others:
        pool.watch(run, "bob", run.rows)
    assert str(pool.queue_position(others[0])).startswith("next in line, about ")
    long.worker.slice = 0.0
    wait(lambda: others[0].done)
    assert long.history.n > 0 and not long.done and not long.error, "it had to make room, and keeps its rows"

    def looks_until_it_is_done():
        pool.watch(long, "ann", long.rows)
        return long.done and others[1].done

    wait(looks_until_it_is_done)
    assert_same(long.history, History.of(long.experiment, train(long.experiment)))


def test_a_users_own_runs_do_not_interrupt_each_other(pool):
    first, second = pool.get(LONG), pool.get(SHORT)
    pool.watch(first, "ann", first.rows)
    wait(lambda: first.history.n > 0)
    began = time.monotonic()

    def looks():
        pool.watch(first, "ann", first.rows)
        pool.watch(second, "ann pinned", second.rows, low_priority=True)
        return time.monotonic() - began > 4

    wait(looks)
    assert first.worker and second.history.n == 0


def test_a_viewer_who_leaves_or_sends_no_heartbeat_leaves_the_queue(pool):
    long, second, third, fourth = (pool.get(e) for e in (LONG, SHORT, replace(SHORT, seed=1), replace(SHORT, seed=2)))
    pool.limits = replace(pool.limits, slice_seconds=600)
    for run, viewer in ((long, "a"), (second, "b"), (third, "c"), (fourth, "d")):
        pool.watch(run, viewer, run.rows)
    assert [pool.queue_position(run).number for run in (second, third, fourth)] == [1, 2, 3]
    pool.leave(second, "b")  # another setting
    pool.watch(third, "c", 0)  # Stop
    assert [pool.queue_position(run).number for run in (second, third, fourth)] == [0, 0, 1]

    pool.limits = replace(pool.limits, idle_seconds=2)

    def only_the_first_sends_heartbeats():
        pool.watch(long, "a", long.rows)
        return pool.queue_position(fourth).number == 0

    wait(only_the_first_sends_heartbeats, 15)
    assert fourth.viewers == {} and long.worker


def test_a_finished_run_opens_at_once_for_the_next_viewer(pool):
    run = pool.get(SHORT)
    pool.watch(run, "a", run.rows)
    wait(lambda: run.done)
    pool.leave(run, "a")
    wait(lambda: pool.workers[0].run is None)
    again = pool.get(replace(SHORT))
    pool.watch(again, "b", again.rows)
    assert again is run and again.done and pool.workers[0].run is None


def test_when_all_have_left_one_idle_worker_stays():
    pool = RunPool(Limits(workers=2, idle_seconds=2))
    try:
        for seed in (1, 2):
            pool.watch(pool.get(replace(LONG, seed=seed)), f"viewer{seed}", 100)
        assert len(pool.workers) == 2
        wait(lambda: all(worker.run is None for worker in pool.workers), 15)
        wait(lambda: len(pool.workers) == 1)
        assert pool.summary()["viewers"] == 0
    finally:
        pool.close()
