"""Renders charts as SVG and PNG, and returns the JavaScript that draws charts in a browser. Needs no network and no browser.

vl-convert, which Altair itself uses, contains a JavaScript engine of 150 MB or more. So it runs in a child process that ends
with its task or its parent, one at a time. `python -m rnnkit.export.images PARENT_ID` reads a JSON list of jobs, {"form": "svg",
"png" or "js", "spec", "scale"}, from standard input and writes a JSON list of results in base64.
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
MAX_SECONDS = 60  # for all jobs of one process, and again for waiting
WIDTH = 760  # px of the plot
SCALE = 2.0  # PNG pixels per px
LIGHT = {"background": "#ffffff", "text": "#26303a", "line": "#8a949e", "grid": "#e3e7eb"}
DARK = {"background": "#0e1117", "text": "#e6eaee", "line": "#8a949e", "grid": "#2a323b"}
KINDS = {"svg": "image/svg+xml", "png": "image/png"}
PR_SET_PDEATHSIG = 1  # Linux: prctl(2)
_lock = threading.Lock()


class ImageError(RuntimeError):
    """A chart cannot be rendered; the message says why."""


def svg(chart: Any, **style: Any) -> str:
    """Returns a chart as SVG; keywords of `standalone`. Raises ImageError."""
    return images([(chart, "svg")], **style)[0].decode()


def png(chart: Any, *, scale: float = SCALE, **style: Any) -> bytes:
    """Returns a chart as PNG; keywords of `standalone`. Raises ImageError."""
    return images([(chart, "png")], scale=scale, **style)[0]


def images(jobs: Sequence[tuple[Any, str]], *, scale: float = SCALE, seconds: float = MAX_SECONDS, **style: Any) -> list[bytes]:
    """Renders (chart, "svg" or "png") jobs in one process; keywords of `standalone`.

    Raises ImageError without vl-convert, where it fails, and after `seconds`.
    """
    return _render([{"form": form, "spec": standalone(chart, **style), "scale": scale} for chart, form in jobs], seconds)


@lru_cache(maxsize=1)
def javascript() -> str:
    """Returns Vega, Vega-Lite and Vega-Embed as one script that sets window.vegaEmbed, about 900 kB. Cached."""
    text = _render([{"form": "js"}], MAX_SECONDS)[0].decode()
    if "</script" in text.lower() or "<!--" in text:
        raise ImageError("the charts' JavaScript cannot stand within an HTML page")
    return text


def standalone(chart: Any, *, width: int = WIDTH, dark: bool = False) -> dict[str, Any]:
    """Returns the Vega-Lite of a chart (Altair's, or a dict) with width and colours, which a page would otherwise give it."""
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
    merged = {name: style | own.get(name, {}) for name, style in config.items()}
    return spec | {"background": ink["background"], "padding": 16, "config": own | merged}


def _render(jobs: list[dict[str, Any]], seconds: float) -> list[bytes]:
    if not _lock.acquire(timeout=seconds):
        raise ImageError(f"other pictures are being made, and this one waited {seconds:g} s: try again")
    try:
        command = [sys.executable, "-m", "rnnkit.export.images", str(os.getpid())]
        done = subprocess.run(
            command, input=json.dumps(jobs).encode(), capture_output=True, cwd=ROOT, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise ImageError(f"the picture was not ready within {seconds:g} s") from None
    finally:
        _lock.release()
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ImageError(lines[-1] if lines else f"the process that makes pictures ended with {done.returncode}")
    return [base64.b64decode(result) for result in json.loads(done.stdout)]


# ---- in the process of its own ----


def _end_with(parent: int) -> None:
    """Makes the kernel end this process with its parent. A thread could not: the engine holds Python's lock while it works."""
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
        results = [forms[job["form"]](job) for job in json.load(sys.stdin)]
    except (KeyError, ValueError) as error:
        sys.exit(f"the picture could not be made: {' '.join(str(error).split())[:300]}")
    print(json.dumps([base64.b64encode(result).decode() for result in results]))


if __name__ == "__main__":
    _serve()
