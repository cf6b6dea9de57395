"""The handout: one HTML file with a run's charts, findings, settings and numbers, to open, print and pass on.

It holds all it needs, Vega included, and its Content-Security-Policy lets it load nothing and run nothing but its own two
scripts, which stand there with their hashes: whatever a viewer's words or file names contain stays text. Styles, page and script
are handout.css, .html and .js beside this file.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from copy import copy
from dataclasses import replace
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from rnnkit.analysis.describe import LABELS, difference, summary, titles
from rnnkit.analysis.gradient_summary import remaining
from rnnkit.analysis.learnt import bar, last_exam, solved_at
from rnnkit.analysis.summary import verdict
from rnnkit.engine.history import History
from rnnkit.experiment import FIELDS, Experiment, applies
from rnnkit.export.figures import Figure, figures
from rnnkit.export.images import DARK, LIGHT, javascript, standalone
from rnnkit.rounding import percent
from rnnkit.stories.presets import PRESETS, named
from rnnkit.tasks.data import KEPT

FONT = 16  # px, at least, of all words in a chart
NETWORKS = 64  # rows of the table of networks
_here = Path(__file__)


def handout(history: History, link: str = "", script: str = "") -> str:
    """The page of a run with at least one record; `link` leads to it on a dashboard, `script` is a program that repeats it.

    Raises ImageError where the charts' JavaScript cannot be had, and ValueError where there is no record.
    """
    if not history.n:
        raise ValueError("a handout needs at least one record, this run has none yet")
    history = copy(history)  # of a run that goes on: with the rows that are there now
    e, drawn = history.e, figures(history)
    specs = [_spec(figure) for figure in drawn]
    page = {name: _here.with_suffix(f".{name}").read_text("utf-8") for name in ("html", "css", "js")}
    program, engine = page["js"], javascript()
    name, said = named(e), verdict(history)
    return Template(page["html"]).substitute(
        hashes=" ".join(f"'sha256-{_digest(text)}'" for text in (engine, program)),
        title=escape(PRESETS[name].title if name else summary(e)),
        about=escape(PRESETS[name].text if name else e.bound_task.about),
        tone=said.tone,
        gradient=escape(said.gradient),
        outcome=escape(f"{said.cause} {said.outcome}".strip()),
        until=escape(_until(history)),
        css=page["css"] + _night(json.dumps(specs)),
        figures="\n".join(_figure(i, figure) for i, figure in enumerate(drawn)),
        settings="\n".join(f'<tr><th scope="row">{escape(k)}</th><td>{escape(v)}</td></tr>' for k, v in _settings(e).items()),
        networks=_networks(history),
        again=_again(e, link, script),
        specs=json.dumps(specs, ensure_ascii=False).replace("<", "\\u003c"),  # a JSON text has it in strings alone
        engine=engine,
        program=program,
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


# ---- charts ----


def _spec(figure: Figure) -> dict[str, Any]:
    """As wide as its place on the page, with words that can be read."""
    spec = standalone(figure.chart) | {"width": "container", "padding": 0, "autosize": {"type": "fit-x", "contains": "padding"}}
    return _larger(spec)


def _larger(spec: Any) -> Any:
    if isinstance(spec, dict):
        return {k: max(FONT, v) if k.endswith("ontSize") and isinstance(v, int) else _larger(v) for k, v in spec.items()}
    return [_larger(v) for v in spec] if isinstance(spec, list) and spec and isinstance(spec[0], dict | list) else spec


def _night(specs: str) -> str:
    """Rules that give the charts' light colours their dark counterparts on a dark screen; paper stays white."""
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


def _until(history: History) -> str:
    step, steps = int(history.steps[history.n - 1]), history.e.steps
    return (
        f"The numbers are those after {'the only training step' if steps == 1 else f'all {steps:,} training steps'}"
        if step == steps
        else f"The numbers are those at training step {step:,} of {steps:,}"
    )


def _settings(e: Experiment) -> dict[str, str]:
    return {LABELS[name]: _value(e, name) for name in FIELDS if applies(e, name)}


def _value(e: Experiment, name: str) -> str:
    value = getattr(e, name)
    if name == "fixes":
        return difference(replace(e, fixes=()), e).removeprefix("only: ") if value else "none"
    if name == "data":
        return KEPT[value].name if value in KEPT else value or "the example"
    return titles(name).get(value, f"{value:.6g}" if isinstance(value, float) else str(value))


def _networks(history: History) -> str:
    """A row for each network: where it ended."""
    e, n = history.e, history.n
    shown = range(min(e.replicas, NETWORKS))
    accuracy, enough = last_exam(history.accuracy[:n], history.diverged[n - 1]), bar(e)
    solved = solved_at(history.steps[:n], history.accuracy[:n], enough)
    task = e.bound_task
    head = [
        "Network",
        "Seed",
        "Loss",
        f"Right, of new {task.samples}",
        "Learnt at training step",
        "Gradient norm of the weights",
    ]
    head += [f"dL/d{part}: {task.source_name} / {task.end_name}" for part in history.parts] + ["Became NaN at step"]
    lines = [_row("th", head)]
    for r in shown:
        dead = int(history.diverged[n - 1, r])
        numbers = [f"{history.loss[n - 1, r]:.4g}", percent(accuracy[r]) if np.isfinite(accuracy[r]) else "–"]
        numbers += [f"{solved[r]:,}" if solved[r] >= 0 else "never", f"{history.norm_raw[n - 1, r]:.3g}"]
        numbers += [remaining(history, n - 1, part, r) for part in range(len(history.parts))]
        numbers += [f"{dead:,}, in {history.causes[n - 1][r]}" if dead >= 0 else "–"]
        lines.append(_row("td", [str(r + 1), str(e.seed + r), *numbers]).replace(">nan<", ">NaN<"))
    rest = f"<p>The first {NETWORKS} of {e.replicas} networks.</p>" if e.replicas > NETWORKS else ""
    place = "<div class='wide' tabindex='0' role='region' aria-label='Numbers of each network'>"
    return f"{place}<table>{''.join(lines)}</table></div>{rest}"


def _row(tag: str, cells: list[str]) -> str:
    scope = " scope='col'" if tag == "th" else ""
    return f"<tr>{''.join(f'<{tag}{scope}>{escape(cell)}</{tag}>' for cell in cells)}</tr>\n"


def _again(e: Experiment, link: str, script: str) -> str:
    """Where the run can be had again: its link, its JSON, a script."""
    told = []
    if link:
        shown = escape(link)
        web = link.startswith(("https://", "http://"))
        told.append(f'<p>Live: <a href="{shown}" rel="noreferrer">{shown}</a></p>' if web else f"<p>Live: {shown}</p>")
    told.append(_fold("This run as JSON, for <code>python -m rnnkit train --json run.json</code>", e.to_json()))
    if script:
        told.append(_fold("The same in plain PyTorch", script))
    return "\n".join(told)


def _fold(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary><pre tabindex='0'><code>{escape(text)}</code></pre></details>"
