"""Two server processes behind nginx (docs/nginx.conf) with viewers without a browser: `python benchmarks/proxy.py --viewers 200`.

One viewer has a run trained to its end before class. Then all come, by the proxy's address, and watch it: no process trains it
again, since both have one store. With --train it is a long run that nobody has trained, and each process trains it for itself.
Prints how the viewers were spread, what they saw, and what each process took. Needs nginx. Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import load
import numpy as np
from feel import ROOT, free_port
from viewers import Crowd, Viewer

CONF = ROOT / "docs" / "nginx.conf"
RUN = replace(load.SHORT, length=100, steps=300, seed=11)


def configuration(folder: Path, listen: int, ports: tuple[int, int]) -> str:
    """Returns docs/nginx.conf with these ports and with its files in `folder`."""
    text = CONF.read_text("utf-8").replace("/tmp/rnnkit-nginx", str(folder / "nginx"))
    for known, port in zip((8500, 8501, 8502), (listen, *ports), strict=True):
        text = re.sub(rf"\b{known}\b", str(port), text)
    return text


@contextlib.contextmanager
def proxy(folder: Path, ports: tuple[int, int]):
    """nginx in front of two servers. Yields its address."""
    listen, file = free_port(), folder / "nginx.conf"
    folder.chmod(0o755)  # nginx's own processes are another user's
    file.write_text(configuration(folder, listen, ports), "utf-8")
    process, url = subprocess.Popen(["nginx", "-e", "stderr", "-c", str(file), "-g", "daemon off;"]), f"http://127.0.0.1:{listen}"
    try:
        while not _listens(listen):
            assert process.poll() is None, "nginx has ended"
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def newcomer(url: str, query: dict[str, str]) -> Viewer:
    """A viewer with the cookie that came with the page."""
    with urllib.request.urlopen(f"{url}/lab?{urlencode(query)}", timeout=60) as page:
        came = page.headers.get_all("Set-Cookie") or []
    return Viewer(url, query, cookie="; ".join(cookie.partition(";")[0] for cookie in came))


def events(log: Path, name: str) -> int:
    """How often the server logged this event of a run of RUN's length or of the long one."""
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines() if line.startswith("{")]
    rows = {len(RUN.recorded_steps), len(load.LONG.recorded_steps)} - {len(load.SHORT.recorded_steps)}
    return sum(line["event"] == name and line.get("of") in rows for line in lines)


async def measure(a: argparse.Namespace, folder: Path) -> dict[str, object]:
    logs = [folder / f"server {k}.log" for k in (1, 2)]
    servers = [load.Server(log, store=str(folder / "store")) for log in logs]
    watching = [asyncio.create_task(server.watch()) for server in servers]
    ports = tuple(int(server.url.rpartition(":")[2]) for server in servers)
    e = load.LONG if a.train else RUN
    try:
        with proxy(folder, ports) as url:
            await load.until(lambda: all(server.workers() for server in servers), 60)
            for server in servers if a.train else servers[:1]:  # opened once before class
                early = load.crowd(server, 1, [load.SHORT if a.train else RUN])
                await early.join(0)
                assert await load.until(lambda early=early: load.finished(said(early.viewers[0]), RUN.steps) or a.train, 120)
                await early.leave()
            people = Crowd([await asyncio.to_thread(newcomer, url, e.to_query()) for _ in range(a.viewers)])
            start = time.monotonic()
            await people.join(a.join)
            await load.until(lambda: all(v.frames or v.trouble for v in people.viewers), 90)
            joined = time.monotonic()
            await asyncio.sleep(a.seconds)
            end = time.monotonic()
            row: dict[str, object] = {"viewers": a.viewers, "dropped or failed": sum(bool(v.trouble) for v in people.viewers)}
            row |= {f"at process {k}": sum(f"rnnkit_server={k}" in v.cookie for v in people.viewers) for k in (1, 2)}
            row |= {"all have a frame after s": joined - start, "first frame s, worst": max(people.first())}
            row["frames of a viewer, least"] = min(len(v.frames) for v in people.viewers)
            row["shown to the end"] = sum(load.finished(said(v), e.steps) for v in people.viewers)
            if a.train:
                seen = people.latencies(joined, end)
                row["longest gap s, worst"] = max(people.gaps(joined, end))
                row |= {f"latency ms, {name}": 1000 * load.percentile(seen, q) for name, q in (("median", 50), ("p95", 95))}
            for k, (server, log) in enumerate(zip(servers, logs, strict=True), 1):
                samples = [s for s in server.samples if start <= s.at <= end]
                row[f"process {k}, cores"] = float(np.mean([s.server_cpu for s in samples]))
                row[f"process {k}, MB, most"] = max(s.server_mb for s in samples)
                row[f"process {k}, workers, cores"] = float(np.mean([s.workers_cpu for s in samples]))
                row[f"process {k}, runs begun / read"] = f"{events(log, 'run started')} / {events(log, 'run read')}"
            load.tell(people.trouble())
            await people.leave()
            return row
    finally:
        for task, server in zip(watching, servers, strict=True):
            task.cancel()
            server.close()


def said(viewer: Viewer) -> str:
    return " ".join(viewer.said.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--viewers", type=int, default=200)
    parser.add_argument("--join", type=float, default=10.0, metavar="SECONDS", help="within which all come")
    parser.add_argument("--seconds", type=float, default=20.0, help="that are watched after everybody has a frame")
    parser.add_argument("--train", action="store_true", help="a long run that nobody has trained before")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rnnkit-proxy-") as folder:
        for name, value in asyncio.run(measure(a, Path(folder))).items():
            print(f"{name:32}{value:.3f}" if isinstance(value, float) else f"{name:32}{value}")


if __name__ == "__main__":
    sys.exit(main())
