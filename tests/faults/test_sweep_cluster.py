"""Sweeps on a Dask cluster: a real scheduler and real workers on loopback, killed, joining late, of another version."""

import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from conftest import ROOT
from corpora import corpus_of
from own_weights import model, npz
from serving import until

from rnnkit import Experiment, Sweep
from rnnkit.engine.torch_layout import read_weights
from rnnkit.sweep.executors import DaskCluster, InProcess
from rnnkit.sweep.store import Store
from rnnkit.tasks.data import STORE

pytest.importorskip("distributed", reason="needs Dask: pip install distributed")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals as Linux has them")
SMALL = Experiment(length=7, hidden=6, batch=8, replicas=2, steps=30)
SWEEP = Sweep(
    replace(SMALL, steps=150), {"length": [10, 11, 12, 13, 14, 15]}, {"tanh": {}, "lstm": {"cell": "lstm"}}, until="end"
)


def rows(result):
    return result.frame().drop(columns="seconds").astype(str).to_dict("records")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Cluster:
    """A scheduler and its workers, each a process of its own."""

    def __init__(self, logs):
        self.logs, self.port, self.processes = logs, free_port(), []
        self.address = f"tcp://127.0.0.1:{self.port}"

    def start(self, module, *arguments, cwd=ROOT, **environment):
        with open(self.logs / f"{len(self.processes)}.log", "wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{module}", *arguments, "--host", "127.0.0.1", "--no-dashboard"],
                cwd=cwd,
                env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | environment,
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def scheduler(self):
        process = self.start("dask_scheduler", "--port", str(self.port))
        until(self.answers, "the scheduler")
        return process

    def worker(self, name, **options):
        return self.start("dask_worker", self.address, "--no-nanny", "--nthreads", "1", "--name", name, **options)

    def answers(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def end(self):
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path):
    (tmp_path / "logs").mkdir()
    cluster = Cluster(tmp_path / "logs")
    yield cluster
    cluster.end()


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    with Store(tmp_path_factory.mktemp("store") / "a") as store:
        return rows(SWEEP.run(store=store, executor=InProcess(), progress=False))


class Watched(DaskCluster):
    """Calls `then` once, at the n-th run that ends."""

    def __init__(self, address, n, then, timeout=10.0):
        super().__init__(address, timeout)
        self.n, self.then = n, then

    def outcomes(self, jobs):
        for event in super().outcomes(jobs):
            if isinstance(event, tuple):
                self.n -= 1
                if self.n == 0:
                    self.then()
            yield event


def test_a_worker_killed_in_mid_sweep_costs_no_run(cluster, expected, tmp_path):
    cluster.scheduler()
    first, _ = cluster.worker("first"), cluster.worker("second")
    with Store(tmp_path / "b") as store:
        executor = Watched(cluster.address, 3, lambda: first.send_signal(signal.SIGKILL))
        result = SWEEP.run(store=store, executor=executor, progress=False)
    assert first.wait(10) == -signal.SIGKILL and not result.failed and not result.missing
    assert rows(result) == expected


def test_workers_may_join_late_and_leave(cluster, expected, tmp_path):
    """The sweep begins without any worker. The first one leaves as it should (SIGTERM), after another one has joined."""
    cluster.scheduler()
    started = []

    def leave():
        started.append(cluster.worker("second"))
        time.sleep(1)
        started[0].terminate()

    executor, notes = Watched(cluster.address, 3, leave, timeout=2), []
    with Store(tmp_path / "b") as store:
        for event in SWEEP.stream(store, executor):
            notes += [event] if isinstance(event, str) else []
            if notes and not started:
                started.append(cluster.worker("first"))
        result = SWEEP.run(store=store, executor=InProcess(), progress=False)
    assert result.n_stored == len(SWEEP.runs) and rows(result) == expected
    assert notes == [f"the scheduler at {cluster.address} has no workers yet: waiting for them"]
    assert started[0].wait(10) is not None


def test_the_scheduler_killed_and_restarted_the_sweep_goes_on_from_the_store(cluster, expected, tmp_path):
    scheduler = cluster.scheduler()
    cluster.worker("first"), cluster.worker("second")
    with Store(tmp_path / "b") as store:
        with pytest.raises(ConnectionError, match=f"the Dask scheduler at {cluster.address} has gone"):
            SWEEP.run(store=store, executor=Watched(cluster.address, 3, scheduler.kill, timeout=2), progress=False)
        cluster.scheduler()
        cluster.worker("third")
        result = SWEEP.run(store=store, executor=DaskCluster(cluster.address), progress=False)
    assert result.n_stored >= 3 and not result.missing
    assert rows(result) == expected


def test_a_scheduler_that_comes_back_in_time_costs_no_run(cluster, expected, tmp_path):
    scheduler = cluster.scheduler()
    cluster.worker("first")

    def restart():
        scheduler.kill()
        scheduler.wait()
        cluster.scheduler()
        cluster.worker("second")

    with Store(tmp_path / "b") as store:
        result = SWEEP.run(store=store, executor=Watched(cluster.address, 3, restart, timeout=60), progress=False)
    assert not result.failed and not result.missing and rows(result) == expected


OTHER = """
import importlib.metadata, sys
version = importlib.metadata.version
importlib.metadata.version = lambda name: "0.0.1" if name == "torch" else version(name)
"""


def test_a_worker_with_another_torch_is_refused_by_name(cluster, expected, tmp_path):
    """With another one beside it the sweep runs; alone it is an error."""
    (tmp_path / "sitecustomize.py").write_text(OTHER)
    cluster.scheduler()
    cluster.worker("other", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    with Store(tmp_path / "b") as store:
        with pytest.raises(
            RuntimeError, match=r"can train this: worker tcp://127.0.0.1:\d+ has .*torch 0.0.1.*, here is .*torch 2"
        ):
            SWEEP.run(store=store, executor=DaskCluster(cluster.address, timeout=3), progress=False)
        cluster.worker("same")
        events = list(SWEEP.stream(store, DaskCluster(cluster.address, timeout=60)))
        result = SWEEP.run(store=store, executor=InProcess(), progress=False)
    (note,) = [event for event in events if isinstance(event, str)]
    assert note.startswith("worker tcp://") and note.endswith("it gets no job")
    assert result.n_stored == len(SWEEP.runs) and rows(result) == expected


def test_a_worker_without_rnnkit_is_refused_by_name(cluster, tmp_path):
    cluster.scheduler()
    cluster.worker("without", cwd=tmp_path, PYTHONPATH="")
    with (
        Store(tmp_path / "b") as store,
        pytest.raises(RuntimeError, match=r"worker tcp://127.0.0.1:\d+ has .*No module named 'rnnkit'"),
    ):
        SWEEP.run(store=store, executor=DaskCluster(cluster.address, timeout=2), progress=False)


def test_a_corpus_travels_to_workers_that_do_not_have_it(cluster, tmp_path, nothing_given):
    """Once to the first worker; the second one, which joins later, gets it too, although the first one is killed."""
    name = STORE.put(corpus_of())
    sweep = Sweep(
        replace(SMALL, task="corpus", data=name, length=8, steps=100), {"gain": [0.5, 0.7, 0.9, 1.1, 1.3, 1.5]}, until="end"
    )
    with Store(tmp_path / "a") as store:
        expected = rows(sweep.run(store=store, executor=InProcess(), progress=False))
    cluster.scheduler()
    first = cluster.worker("first")

    def replace_worker():
        cluster.worker("second")
        first.kill()

    with Store(tmp_path / "b") as store:
        executor = Watched(cluster.address, 2, replace_worker)
        result = sweep.run(store=store, executor=executor, progress=False)
    assert not result.failed and rows(result) == expected


def test_a_corpus_and_weights_travel_together(cluster, tmp_path, nothing_given):
    given = {"data": STORE.put(corpus_of()), "weights": STORE.put(read_weights(npz(model("gru", H=SMALL.hidden)), "mine"))}
    sweep = Sweep(replace(SMALL, task="corpus", cell="gru", length=8, **given), {"lr": [0.01, 0.02]}, until="end")
    with Store(tmp_path / "a") as store:
        expected = rows(sweep.run(store=store, executor=InProcess(), progress=False))
    cluster.scheduler()
    cluster.worker("first")
    with Store(tmp_path / "b") as store:
        result = sweep.run(store=store, executor=DaskCluster(cluster.address), progress=False)
    assert not result.failed and rows(result) == expected


@pytest.mark.parametrize("silent", [False, True], ids=["nobody listens", "it never answers"])
def test_a_scheduler_that_does_not_answer_is_an_error_in_words(silent, tmp_path):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{s.getsockname()[1]}"
        if silent:
            s.listen()
        start = time.monotonic()
        with Store(tmp_path / "b") as store, pytest.raises(ConnectionError) as error:
            Sweep(SMALL).run(store=store, executor=DaskCluster(address, timeout=2), progress=False)
        assert time.monotonic() - start < 20
    assert str(error.value).startswith(f"no Dask scheduler answers at '{address}' within 2 seconds")


@pytest.mark.parametrize("address", ["10.0.0.1", "nonsense://x", "tcp://", ""])
def test_an_address_that_is_none_is_an_error_in_words(address):
    with pytest.raises(ConnectionError, match="no Dask scheduler answers at"), DaskCluster(address, timeout=1):
        pass


def test_the_garbage_collector_never_waits_for_a_client():
    """It did for those whose connection had failed: for a lock that is held while another client's loop starts."""
    from distributed.utils import LoopRunner

    for address in ("tcp://127.0.0.1:9", "nonsense://x"):
        with pytest.raises(ConnectionError), DaskCluster(address, timeout=1):
            pass
    time.sleep(2.5)  # the threads that tried have ended
    held, over = threading.Event(), threading.Event()

    def hold():
        with LoopRunner._lock:
            held.set()
            over.wait(30)

    threading.Thread(target=hold, daemon=True).start()
    assert held.wait(30)
    collecting = threading.Thread(target=gc.collect, daemon=True)
    collecting.start()
    collecting.join(20)
    waits = collecting.is_alive()
    over.set()
    collecting.join()
    assert not waits
