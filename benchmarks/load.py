"""A lecture hall on this machine: viewers without a browser (viewers.py) on a real server with real training processes.

    python benchmarks/load.py same --viewers 250       all look at one run
    python benchmarks/load.py different --viewers 30   each trains a run of his own
    python benchmarks/load.py rounds --viewers 250     all come and go, ten times
    python benchmarks/load.py room --viewers 250       all are in one room: they train a few shared runs, then vote
    python benchmarks/load.py curve --viewers 500 --out docs/scale.csv     `same` with more and more viewers

Prints what was measured; docs/scale.md explains it. Linux only. The viewers run in this process and need
a good part of a core themselves, which a real server would not lose.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from feel import ROOT, free_port

sys.path.insert(0, str(ROOT))
from viewers import Crowd, Viewer

from rnnkit.experiment import Experiment
from rnnkit.stories.presets import PRESETS

LONG = replace(PRESETS["forgets"].experiment, steps=5000, batch=128, seed=7)  # trains for minutes: there is always something new
SHORT = replace(PRESETS["forgets"].experiment, steps=100)


# ---- the server, and what it takes ----


@dataclass
class Sample:
    at: float
    server_cpu: float  # of one core
    workers_cpu: float
    own_cpu: float  # of these viewers
    server_mb: float  # resident
    worker_mb: list[float]
    other_cpu: float  # of all other programs on the machine
    waiting: float  # share of the time in which the server's main thread waited for a core


class Server:
    """`streamlit run dashboard.py` on a free port, sampled every second."""

    def __init__(self, log: Path, **settings: str) -> None:
        port = free_port()
        options = ["--server.headless", "true", "--server.address", "127.0.0.1", "--server.port", str(port)]
        command = [sys.executable, "-m", "streamlit", "run", "dashboard.py", *options]
        environment = os.environ | {"RNNKIT_STORE": "off"} | {f"RNNKIT_{name.upper()}": value for name, value in settings.items()}
        with log.open("wb") as out:
            self.process = psutil.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
        self.url = f"http://127.0.0.1:{port}"
        self.samples: list[Sample] = []
        self._last: tuple[float, dict[int, float], float, float] | None = None
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=5)
                return
            except OSError:
                assert self.process.poll() is None, log.read_text("utf-8")
                time.sleep(0.1)

    def workers(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            return [p for p in self.process.children() if "rnnkit.serving.worker" in p.cmdline()]
        return []

    async def watch(self) -> None:
        while True:
            self.sample()
            await asyncio.sleep(1.0)

    def sample(self) -> None:
        now, seconds, memory = time.monotonic(), {}, []
        for p in (self.process, *self.workers(), psutil.Process()):
            with contextlib.suppress(psutil.Error):
                times = p.cpu_times()
                seconds[p.pid] = times.user + times.system
                memory.append((p.pid, p.memory_info().rss / 2**20))
        busy, waited = busy_seconds(), waited_seconds(self.process.pid)
        if self._last:
            before, then, was_busy, had_waited = self._last
            share = {pid: (s - then.get(pid, s)) / (now - before) for pid, s in seconds.items()}
            other = (busy - was_busy) / (now - before) - sum(share.values())
            own, server = share.pop(os.getpid(), 0.0), share.pop(self.process.pid, 0.0)
            mb = dict(memory)
            workers, waiting = [mb[pid] for pid in share], (waited - had_waited) / (now - before)
            self.samples.append(Sample(now, server, sum(share.values()), own, mb[self.process.pid], workers, other, waiting))
        self._last = now, seconds, busy, waited

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except psutil.TimeoutExpired:
            self.process.kill()


def busy_seconds() -> float:
    """CPU seconds of all programs since the machine started."""
    times = psutil.cpu_times()
    return times.user + times.nice + times.system + times.irq + times.softirq


def waited_seconds(pid: int) -> float:
    """Seconds that the main thread of a process was ready to run, and had no core (Linux, run_delay in schedstat)."""
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    return 0.0


# ---- a crowd ----


def crowd(server: Server, n: int, experiments: Iterable[Experiment]) -> Crowd:
    chosen = list(experiments)
    return Crowd([Viewer(server.url, chosen[k % len(chosen)].to_query()) for k in range(n)])


@contextlib.asynccontextmanager
async def hall(log: Path, **settings: str) -> AsyncIterator[Server]:
    """A server that has been opened once before class, as the README says."""
    server = Server(log, **settings)
    watching = asyncio.create_task(server.watch())
    try:
        early = crowd(server, 1, [SHORT])
        await early.join(0)
        await until(lambda: early.viewers[0].frames, 60)
        await early.leave()
        yield server
    finally:
        watching.cancel()
        server.close()


async def until(condition, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.1)
    return True


# ---- the scenarios ----


def percentile(values: Sequence[float], q: float) -> float:
    return float(np.percentile(values, q, method="higher")) if values else float("nan")


def measured(server: Server, people: Crowd, start: float, end: float) -> dict[str, float]:
    now = [s for s in server.samples if start <= s.at <= end]
    latencies = people.latencies(start, end)
    return {
        "viewers": len(people.viewers),
        "dropped or failed": sum(bool(v.trouble) for v in people.viewers),
        "first frame s, worst": max(people.first()),
        "longest gap s, worst": max(people.gaps(start, end)),
        "latency ms, median": 1000 * percentile(latencies, 50),
        "latency ms, p95": 1000 * percentile(latencies, 95),
        "frames a second": sum(start <= t <= end for v in people.viewers for t in v.frames) / (end - start) / len(people.viewers),
        "server, cores": float(np.mean([s.server_cpu for s in now])),
        "server MB, most": max(s.server_mb for s in now),
        "worker MB, most": max((mb for s in now for mb in s.worker_mb), default=0.0),
        "workers": max(len(s.worker_mb) for s in now),
        "workers, cores": float(np.mean([s.workers_cpu for s in now])),
        "these viewers, cores": float(np.mean([s.own_cpu for s in now])),
        "other programs, cores": float(np.mean([s.other_cpu for s in now])),
        "server waits for a core": float(np.mean([s.waiting for s in now])),
        "KB/s a viewer": sum(v.received for v in people.viewers) / 1024 / (time.monotonic() - start) / len(people.viewers),
    }


async def same(a: argparse.Namespace, n: int | None = None) -> dict[str, float]:
    """All look at one run, joining within `--join` seconds, for `--seconds`."""
    n = n or a.viewers
    async with hall(a.log) as server:
        people = crowd(server, n, [LONG])
        joining = time.monotonic()
        await people.join(a.join)
        await until(lambda: all(v.frames or v.trouble for v in people.viewers), 60)
        joined = time.monotonic()
        await asyncio.sleep(3)
        start = time.monotonic()
        await asyncio.sleep(a.seconds)
        end = time.monotonic()
        row = {"all in after s": joined - joining} | measured(server, people, start, end)
        joins = [s.server_cpu for s in server.samples if joining <= s.at <= joined]
        row |= {
            "page drawn s, median": float(np.median(people.drawn())),
            "server while joining, cores": float(np.mean(joins or [0])),
        }
        tell(people.trouble())
        await people.leave()
    return row


async def curve(a: argparse.Namespace) -> list[dict[str, float]]:
    """`same` with more and more viewers."""
    return [await same(a, n) for n in (1, 10, 50, 100, 150, 200, 250, 400) if n <= a.viewers]


async def different(a: argparse.Namespace) -> dict[str, float]:
    """Each trains a run of his own; one more opens the page with eight runs side by side; then a finished run is opened again."""
    async with hall(a.log) as server:
        people = crowd(server, a.viewers, [replace(SHORT, seed=100 + n) for n in range(a.viewers)])
        greedy = Crowd([Viewer(server.url, SHORT.to_query(), "remedies")])
        start = time.monotonic()
        await greedy.join(0)
        await people.join(a.join)
        told: set[str] = set()
        served: dict[int, float] = {}

        def all_served() -> bool:
            for n, viewer in enumerate(people.viewers):
                words = " ".join(viewer.said.values())
                told.update(re.findall(r"\w+ in line, about \d+ \w+", words))
                if n not in served and finished(words, SHORT.steps):
                    served[n] = time.monotonic() - viewer.joined
            return len(served) == len(people.viewers)

        await until(all_served, a.limit)
        end = time.monotonic()
        row = {"served": len(served), "waited s, worst": max(served.values(), default=np.inf), "all served after s": end - start}
        row |= {"waited s, median": float(np.median(list(served.values()) or [np.inf])), "different places told": len(told)}
        row |= measured(server, people, start, end)
        again = crowd(server, 1, [replace(SHORT, seed=100)])
        await again.join(0)
        await until(lambda: again.viewers[0].frames, 60)
        row["a finished run again, first frame s"] = again.first()[0]
        print("places told:", ", ".join(sorted(told)[:12]), file=sys.stderr)
        tell(people.trouble() + greedy.trouble())
        for one in (people, greedy, again):
            await one.leave()
    return row


def finished(words: str, steps: int) -> bool:
    return re.search(r"trained [\d.]+ s", words) is not None and f"step {steps:,} of {steps:,}" in words


async def rounds(a: argparse.Namespace) -> list[dict[str, float]]:
    """All come within `--join` seconds, stay, and leave; again and again. Streamlit keeps a session for two minutes after its
    viewer has gone, so that a broken connection loses nothing. What stays is looked at after these two minutes, when the first
    ones have gone and when the last ones have: what grows between the two, grows with each class.
    """
    rows = []
    async with hall(a.log) as server:

        async def at_rest(when: str) -> None:
            await asyncio.sleep(KEPT)
            rows.append({"round": f"at rest after {when}"} | memory(server))
            print(rows[-1], flush=True)

        server.sample()
        rows.append({"round": "before"} | memory(server))
        for n in range(a.rounds):
            people = crowd(server, a.viewers, [LONG])
            await people.join(a.join)
            await until(lambda people=people: all(v.frames or v.trouble for v in people.viewers), 60)
            first = max(people.first())
            await asyncio.sleep(a.stay)
            tell(people.trouble())
            await people.leave()
            left = time.monotonic()
            await until(lambda: idle(server), 60)
            rows.append(
                {
                    "round": n + 1,
                    "dropped or failed": sum(bool(v.trouble) for v in people.viewers),
                    "first frame s, worst": first,
                    "workers idle after s": time.monotonic() - left,
                }
                | memory(server)
            )
            print(rows[-1], flush=True)
            if n == 0:
                await at_rest("the first")
        await at_rest("the last")
    first, last = (row["server MB"] for row in rows if "at rest" in str(row["round"]))
    print(f"the server's memory grew by {100 * (last / first - 1):.1f} % in {a.rounds - 1} rounds")
    return rows


ROOM_FIGURES = ("dropped or failed", "latency ms, median", "latency ms, p95", "server, cores", "server MB, most")


async def room(a: argparse.Namespace) -> dict[str, float]:
    """A lecturer's room. Its members train three shared runs, rest for `--seconds`, and answer a question of the tour."""

    def first_answer(v: Viewer) -> str:
        return next((key for key in v.buttons if re.fullmatch(r"room_vote_\d+_0", key)), "")

    async with hall(a.log) as server:
        lecturer = Viewer(server.url, SHORT.to_query())
        teaching = Crowd([lecturer])
        await teaching.join(0)
        for key in ("share", "room_open", "room_close"):
            assert await until(lambda key=key: key in lecturer.buttons, 60), f"no button {key}"
            if key != "room_close":
                await lecturer.press(key)
        name = next(found[1] for text in lecturer.said.values() if (found := re.search(r"Room ([a-z]{6})", text)))
        queries = [replace(SHORT, seed=200 + k).to_query() | {"room": name} for k in range(3)]
        people = Crowd([Viewer(server.url, queries[n % 3]) for n in range(a.viewers)])
        joining = time.monotonic()
        await people.join(a.join)
        await until(lambda: all(finished(" ".join(v.said.values()), SHORT.steps) for v in people.viewers), a.limit)
        start, polls = time.monotonic(), sum(v.polls for v in people.viewers)
        await asyncio.sleep(a.seconds)
        end, polls = time.monotonic(), sum(v.polls for v in people.viewers) - polls
        row = {"all in and trained after s": start - joining, "polls a second": polls / (end - start)}
        seen = measured(server, people, start, end)
        row |= {name: seen[name] for name in ROOM_FIGURES}
        row["ms of a core for a poll"] = 1000 * row["server, cores"] * (end - start) / polls
        await lecturer.press("tour_start")
        await until(lambda: all(map(first_answer, people.viewers)), 60)
        row["question on every phone after s"] = time.monotonic() - end
        voting = time.monotonic()
        await asyncio.gather(*(v.press(first_answer(v)) for v in people.viewers if first_answer(v)))
        await until(lambda: any(f"**{a.viewers}** of {a.viewers} have" in text for text in lecturer.said.values()), 60)
        row["all votes on the screen after s"] = time.monotonic() - voting
        tell(people.trouble() + teaching.trouble())
        for one in (people, teaching):
            await one.leave()
    return row


KEPT = 160.0  # seconds after which a session of somebody who has gone is gone too


def memory(server: Server) -> dict[str, float]:
    last = server.samples[-1]
    return {"server MB": last.server_mb, "workers MB": sum(last.worker_mb)}


def idle(server: Server) -> bool:
    """Whether no training process has computed anything for two seconds."""
    return len(server.samples) > 2 and all(s.workers_cpu < 0.03 for s in server.samples[-2:])


def loop() -> float:
    """Seconds of CPU for three million multiplications in Python: how fast a core is just now."""
    start, total = time.process_time(), 0
    for k in range(3_000_000):
        total += k * k
    return time.process_time() - start


def tell(trouble: Sequence[str]) -> None:
    for text in sorted(set(trouble)):
        print(f"  {trouble.count(text)} x {text}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", choices=SCENARIOS)
    parser.add_argument("--viewers", type=int, default=250)
    parser.add_argument("--join", type=float, default=10.0, metavar="SECONDS", help="within which all come")
    parser.add_argument("--seconds", type=float, default=30.0, help="that are measured")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--stay", type=float, default=15.0, metavar="SECONDS", help="that the viewers of a round stay")
    parser.add_argument("--limit", type=float, default=600.0, metavar="SECONDS", help="to wait for `different` at most")
    parser.add_argument("--out", type=Path, help="a CSV file")
    parser.add_argument("--log", type=Path, default=Path("/tmp/rnnkit-load.log"), help="what the server prints")
    a = parser.parse_args()
    before = loop()
    rows = asyncio.run(SCENARIOS[a.scenario](a))
    print(f"three million multiplications in Python took {before:.2f} s of CPU before and {loop():.2f} s after")
    table = pd.DataFrame(rows if isinstance(rows, list) else [rows]).round(3)
    print(table.T.to_string())
    if a.out:
        table.to_csv(a.out, index=False)


SCENARIOS = {"same": same, "different": different, "rounds": rounds, "room": room, "curve": curve}

if __name__ == "__main__":
    main()
