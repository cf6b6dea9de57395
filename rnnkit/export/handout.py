"""The handout: one HTML file with a run's charts, findings, settings and numbers.

The file contains all it needs, Vega included. Its Content-Security-Policy allows no request and no script but its own two, by
their hashes, so a viewer's words and file names stay text. Styles, page and script are handout.css, .html and .js in this
folder.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from copy import copy
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from rnnkit.analysis.describe import summary
from rnnkit.analysis.gradient_summary import remaining_text
from rnnkit.analysis.learnt import last_accuracy, solved_at, solved_threshold
from rnnkit.analysis.summary import verdict
from rnnkit.engine.history import History
from rnnkit.experiment import FIELDS, GIVEN, Experiment
from rnnkit.export.figures import Figure, figures
from rnnkit.export.images import DARK, LIGHT, javascript, standalone
from rnnkit.rounding import percent
from rnnkit.stories.presets import PRESETS, named
from rnnkit.tasks.data import STORE

MIN_FONT_PX = 16  # of all text in a chart
MAX_NETWORK_ROWS = 64  # of the table of networks
_FILE = Path(__file__)


def handout(history: History, link: str = "", script: str = "") -> str:
    """Returns the HTML of a run with at least one record.

    link: address of the run on a dashboard. script: source of a program that repeats the run. Raises ImageError without the
    charts' JavaScript, and ValueError without a record.
    """
    if not history.n:
        raise ValueError("a handout needs at least one record, this run has none yet")
    history = copy(history)  # fixes the number of rows of a run that goes on
    e, drawn = history.e, figures(history)
    specs = [_spec(figure) for figure in drawn]
    page = {name: _FILE.with_suffix(f".{name}").read_text("utf-8") for name in ("html", "css", "js")}
    program, engine = page["js"], javascript()
    name, run_verdict = named(e), verdict(history)
    return Template(page["html"]).substitute(
        hashes=" ".join(f"'sha256-{_digest(text)}'" for text in (engine, program)),
        title=escape(PRESETS[name].title if name else summary(e)),
        about=escape(PRESETS[name].text if name else e.bound_task.about),
        tone=run_verdict.tone,
        gradient=escape(run_verdict.gradient),
        outcome=escape(f"{run_verdict.cause} {run_verdict.outcome}".strip()),
        until=escape(_step_note(history)),
        css=page["css"] + _dark_rules(json.dumps(specs)),
        figures="\n".join(_figure(i, figure) for i, figure in enumerate(drawn)),
        settings="\n".join(f'<tr><th scope="row">{escape(k)}</th><td>{escape(v)}</td></tr>' for k, v in _settings(e).items()),
        networks=_networks(history),
        again=_reproduce(e, link, script),
        specs=json.dumps(specs, ensure_ascii=False).replace("<", "\\u003c"),  # in JSON, "<" occurs in strings alone
        engine=engine,
        program=program,
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


# ---- charts ----


def _spec(figure: Figure) -> dict[str, Any]:
    """Returns the Vega-Lite specification, as wide as its container and with fonts of at least MIN_FONT_PX."""
    spec = standalone(figure.chart) | {"width": "container", "padding": 0, "autosize": {"type": "fit-x", "contains": "padding"}}
    return _larger(spec)


def _larger(spec: Any) -> Any:
    if isinstance(spec, dict):
        return {k: max(MIN_FONT_PX, v) if k.endswith("ontSize") and isinstance(v, int) else _larger(v) for k, v in spec.items()}
    return [_larger(v) for v in spec] if isinstance(spec, list) and spec and isinstance(spec[0], dict | list) else spec


def _dark_rules(specs: str) -> str:
    """Returns CSS that replaces the charts' light colours by dark ones on a dark screen; print stays light."""
    pairs = {LIGHT[name]: DARK[name] for name in LIGHT if LIGHT[name] != DARK[name]}
    pairs |= {light: dark for dark, light in re.findall(r"\? '(#\w{6})' : '(#\w{6})'", specs)}  # style.legible
    rules = [f'.chart [{of}="{light}"] {{ {of}: {dark}; }}' for light, dark in pairs.items() for of in ("fill", "stroke")]
    return "@media screen and (prefers-color-scheme: dark) {\n" + "\n".join(rules) + "\n}\n"


def _figure(i: int, figure: Figure) -> str:
    label = escape(f"Chart: {figure.title}. {figure.finding}", quote=True)
    return f"""<figure class="{figure.name.partition("-")[0]}">
<h3>{escape(figure.title)}</h3>
<div class="chart" role="img" aria-label="{label}"><div data-chart="{i}"></div></div>
<figcaption><strong>{escape(figure.finding)}</strong> {escape(figure.reading)}</figcaption>
</figure>"""


# ---- words and numbers ----


def _step_note(history: History) -> str:
    step, steps = int(history.steps[history.n - 1]), history.e.steps
    return (
        f"The numbers are those after {'the only training step' if steps == 1 else f'all {steps:,} training steps'}"
        if step == steps
        else f"The numbers are those at training step {step:,} of {steps:,}"
    )


def _settings(e: Experiment) -> dict[str, str]:
    words = {spec.label: spec.words(getattr(e, name)) for name, spec in FIELDS.items() if spec.applies(e)}
    return words | {FIELDS[name].label: STORE.get(key).name for name in GIVEN if (key := getattr(e, name)) in STORE}


def _networks(history: History) -> str:
    """Returns the table of networks: the last numbers of each."""
    e, n = history.e, history.n
    shown = range(min(e.replicas, MAX_NETWORK_ROWS))
    accuracy, threshold = last_accuracy(history.accuracy[:n], history.diverged[n - 1]), solved_threshold(e)
    solved = solved_at(history.steps[:n], history.accuracy[:n], threshold)
    task = e.bound_task
    head = [
        "Network",
        "Seed",
        "Loss",
        f"Right, of new {task.samples}",
        "Learnt at training step",
        "Gradient norm of the weights",
    ]
    head += [f"dL/d{part}: {task.evidence_name} / {task.end_name}" for part in history.parts] + ["Became NaN at step"]
    lines = [_row("th", head)]
    for r in shown:
        nan_step = int(history.diverged[n - 1, r])
        numbers = [f"{history.loss[n - 1, r]:.4g}", percent(accuracy[r]) if np.isfinite(accuracy[r]) else "–"]
        numbers += [f"{solved[r]:,}" if solved[r] >= 0 else "never", f"{history.norm_raw[n - 1, r]:.3g}"]
        numbers += [remaining_text(history, n - 1, part, r) for part in range(len(history.parts))]
        numbers += [f"{nan_step:,}, in {history.causes[n - 1][r]}" if nan_step >= 0 else "–"]
        lines.append(_row("td", [str(r + 1), str(e.seed + r), *numbers]).replace(">nan<", ">NaN<"))
    rest = f"<p>The first {MAX_NETWORK_ROWS} of {e.replicas} networks.</p>" if e.replicas > MAX_NETWORK_ROWS else ""
    place = "<div class='wide' tabindex='0' role='region' aria-label='Numbers of each network'>"
    return f"{place}<table>{''.join(lines)}</table></div>{rest}"


def _row(tag: str, cells: list[str]) -> str:
    scope = " scope='col'" if tag == "th" else ""
    return f"<tr>{''.join(f'<{tag}{scope}>{escape(cell)}</{tag}>' for cell in cells)}</tr>\n"


def _reproduce(e: Experiment, link: str, script: str) -> str:
    """Returns the part on repeating the run: its link, its JSON, a script."""
    parts = []
    if link:
        shown = escape(link)
        web = link.startswith(("https://", "http://"))
        parts.append(f'<p>Live: <a href="{shown}" rel="noreferrer">{shown}</a></p>' if web else f"<p>Live: {shown}</p>")
    parts.append(_fold("This run as JSON, for <code>python -m rnnkit train --json run.json</code>", e.to_json()))
    if script:
        parts.append(_fold("The same in plain PyTorch", script))
    return "\n".join(parts)


def _fold(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary><pre tabindex='0'><code>{escape(text)}</code></pre></details>"
