"""Charts as SVG and PNG, and the JavaScript that draws charts in a browser: made without a network, and without a browser.

vl-convert (which Altair itself uses for files) holds a whole JavaScript engine, so it works in a process of its own that ends
with its task, or with its parent: `python -m rnnkit.export.images <id of its parent>` takes a JSON list of jobs, {"form": "svg",
"png" or "js", "spec", "scale"}, from standard input and answers with a JSON list of their results in base64. One at a time: a
server has little memory.
"""

from __future__ import annotations

import base64
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60  # for all jobs of one process, and for its turn
WIDTH = 760  # px of the plot
SCALE = 2.0  # pixels of a PNG per px: sharp on a projector and in print
LIGHT = {"background": "#ffffff", "text": "#26303a", "line": "#8a949e", "grid": "#e3e7eb"}
DARK = {"background": "#0e1117", "text": "#e6eaee", "line": "#8a949e", "grid": "#2a323b"}
KINDS = {"svg": "image/svg+xml", "png": "image/png"}
PR_SET_PDEATHSIG = 1  # of Linux
_turn = threading.Lock()


class ImageError(RuntimeError):
    """A picture could not be made; the message says why."""


def svg(chart: Any, **look: Any) -> str:
    """A chart as the text of an SVG file; `look` as in `standalone`."""
    return images([(chart, "svg")], **look)[0].decode()


def png(chart: Any, *, scale: float = SCALE, **look: Any) -> bytes:
    """A chart as a PNG file; `look` as in `standalone`."""
    return images([(chart, "png")], scale=scale, **look)[0]


def images(jobs: Sequence[tuple[Any, str]], *, scale: float = SCALE, seconds: float = SECONDS, **look: Any) -> list[bytes]:
    """(chart, "svg" or "png") -> files, all from one process; raises ImageError."""
    return _made([{"form": form, "spec": standalone(chart, **look), "scale": scale} for chart, form in jobs], seconds)


@lru_cache(maxsize=1)
def javascript() -> str:
    """Vega, Vega-Lite and Vega-Embed in one text that sets window.vegaEmbed; made once, some 900 kB."""
    text = _made([{"form": "js"}], SECONDS)[0].decode()
    if "</script" in text.lower() or "<!--" in text:
        raise ImageError("the charts' JavaScript cannot stand within an HTML page")
    return text


def standalone(chart: Any, *, width: int = WIDTH, dark: bool = False) -> dict[str, Any]:
    """A chart (of Altair, or its Vega-Lite as a dict) with a width and colours of its own: a file has no page around it."""
    spec = dict(chart if isinstance(chart, dict) else chart.to_dict())
    if spec.get("width", "container") == "container":
        spec["width"] = width
    ink = DARK if dark else LIGHT
    config = {
        "axis": {"labelColor": ink["text"], "titleColor": ink["text"], "gridColor": ink["grid"]}
        | {name: ink["line"] for name in ("domainColor", "tickColor")},
        "view": {"stroke": ink["grid"]},
        "legend": {"labelColor": ink["text"], "titleColor": ink["text"]},
        "title": {"color": ink["text"], "subtitleColor": ink["text"], "anchor": "start", "frame": "group", "offset": 14}
        | {"fontSize": 18, "subtitleFontSize": 14, "subtitlePadding": 6},
    }
    own = spec.get("config", {})
    merged = {name: look | own.get(name, {}) for name, look in config.items()}
    return spec | {"background": ink["background"], "padding": 16, "config": own | merged}


def _made(jobs: list[dict[str, Any]], seconds: float) -> list[bytes]:
    if not _turn.acquire(timeout=seconds):
        raise ImageError(f"other pictures are being made, and this one waited {seconds:g} s: try again")
    try:
        command = [sys.executable, "-m", "rnnkit.export.images", str(os.getpid())]
        done = subprocess.run(
            command, input=json.dumps(jobs).encode(), capture_output=True, cwd=ROOT, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise ImageError(f"the picture was not ready within {seconds:g} s") from None
    finally:
        _turn.release()
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ImageError(lines[-1] if lines else f"the process that makes pictures ended with {done.returncode}")
    return [base64.b64decode(result) for result in json.loads(done.stdout)]


# ---- in the process of its own ----


def _end_with(parent: int) -> None:
    """A server that is killed leaves no orphan. A thread could not see to it: the engine holds Python's lock while it works."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it has just ended
            sys.exit("nobody waits for the picture any more")


def _serve() -> None:
    _end_with(int(sys.argv[1]))
    try:
        import vl_convert
    except ModuleNotFoundError:
        sys.exit("pictures of charts need vl-convert: run  pip install vl-convert-python")
    forms = {
        "svg": lambda job: vl_convert.vegalite_to_svg(job["spec"], allowed_base_urls=[]).encode(),
        "png": lambda job: vl_convert.vegalite_to_png(job["spec"], scale=job["scale"], allowed_base_urls=[]),
        "js": lambda job: vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").encode(),
    }
    try:
        made = [forms[job["form"]](job) for job in json.load(sys.stdin)]
    except (KeyError, ValueError) as error:
        sys.exit(f"the picture could not be made: {' '.join(str(error).split())[:300]}")
    print(json.dumps([base64.b64encode(result).decode() for result in made]))


if __name__ == "__main__":
    _serve()
