"""The state of the server, for the lecturer: who waits, what trains, and whether anything is wrong.

It is at /status?key=..., for the key that the server has (SETTING in pages/server/app.py). With another key the address is an
unknown page. No menu shows it, and no link that viewers share holds the key.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from pages.server import app
from rnnkit.serving.scheduler import ordinal

TITLE = "Status"
POLL_SECONDS = 2

STYLE = """<style>
.status, .status :is(p, dt) { font-size: 1.25rem; line-height: 1.4; }
.status h1 { font-size: clamp(1.9rem, 4.5vw, 3.4rem); line-height: 1.15; padding: 0 0 1rem; text-wrap: balance; }
.status h1.well { color: var(--words); }
.status h1.wrong { color: light-dark(#b3261e, #ff8a80); }
.status dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); gap: 1rem; margin: 1rem 0 0; }
.status :is(dl, dt, dd) { padding: 0; }
.status :is(dt, dd) { margin: 0; }
.status dd { font-size: 1.9rem; font-weight: 600; line-height: 1.2; white-space: nowrap; }
.status h2 { font-size: 1.4rem; padding: 1.5rem 0 0.3rem; }
.status .wide { overflow-x: auto; }
.status table { border-collapse: collapse; width: 100%; }
.status tr { border-bottom: 1px solid light-dark(#d5dadd, #36414c); }
.status :is(th, td) { text-align: left; padding: 0.35rem 1.2rem 0.35rem 0; }
.status .number { text-align: right !important; font-variant-numeric: tabular-nums; white-space: nowrap; }
.status p { margin: 0.3rem 0; }
</style>"""


def here() -> bool:
    """Returns whether the viewer's address is this page's, with the right key."""
    path = urlsplit(st.context.url or "").path.rstrip("/")
    return path.endswith("/status") and app.admits(st.query_params.get("key", ""))


def page() -> None:
    st.html(STYLE)
    st.fragment(_live, run_every=POLL_SECONDS)()


def _live() -> None:
    st.html(f'<div class="status">{content(app.facts())}</div>')


def content(facts: dict[str, Any]) -> str:
    """Returns the page's HTML for the state of the server (`facts` in pages/server/app.py)."""
    wrong = f"<p>{escape(facts['trouble'])}</p>" if facts["trouble"] else ""
    parts = [f'<h1 class="{"wrong" if wrong else "well"}">{escape(headline(facts))}</h1>{wrong}', _numbers(facts)]
    parts += [_section("Runs", _runs(facts)), _section("Training processes", _workers(facts))]
    parts += [_section("Last warnings", "".join(f"<p>{escape(line)}</p>" for line in reversed(facts["warnings"])))]
    limits = ", ".join(f"{name.replace('_', ' ')} {limit}" for name, limit in facts["limits"].items())
    return "".join([*parts, _section("Limits", f"<p>{escape(limits)}</p>")])


def headline(facts: dict[str, Any]) -> str:
    """Returns `212 viewers, 1 run training, nobody waits`. A viewer is a browser tab with a page open, other than this one."""
    if facts["trouble"]:
        return "Nothing can be trained here"
    training, waiting = len(facts["runs"]["training"]), len(facts["queue"])
    return ", ".join(
        [
            _many(max(facts["tabs"] - 1, facts["viewers"]), "viewer"),
            f"{_many(training, 'run')} training" if training else "nothing training",
            f"{_many(waiting, 'run')} waiting" if waiting else "nobody waits",
        ]
    )


def _many(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def _numbers(facts: dict[str, Any]) -> str:
    server, workers = facts["server"], facts["workers"]
    known = {
        "Memory, all": _sum([server, *workers], "megabytes", "{:.0f} MB"),
        "Memory, server": _sum([server], "megabytes", "{:.0f} MB"),
        "Busy, all": _sum([server, *workers], "cores", "{:.2f} cores"),
        "Busy, server": _sum([server], "cores", "{:.2f} cores"),
        "Kept runs": f"{facts['kept_megabytes']:.0f} of {facts['limits']['keep_megabytes']} MB",
        "Up for": duration(server["seconds"]),
    }
    return f"<dl>{''.join(f'<div><dt>{name}</dt><dd>{value}</dd></div>' for name, value in known.items())}</dl>"


def _sum(processes: Iterable[dict[str, Any]], what: str, form: str) -> str:
    known = [process[what] for process in processes if process[what] is not None]
    return form.format(sum(known)) if known else "not known yet"


def duration(seconds: float) -> str:
    minutes = int(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def _runs(facts: dict[str, Any]) -> str:
    """Returns the table of runs: first those in training, then the queue in its order, then some of the others."""
    runs = facts["runs"]
    waiting = sorted(runs["queued"], key=lambda run: facts["queue"].index(run["id"]) if run["id"] in facts["queue"] else 99)
    others = [*runs["failed"], *runs["waiting"], *runs["done"]]
    shown = [*runs["training"], *waiting, *others[:8]]
    rows = [_run(run, facts["queue"]) for run in shown]
    more = f"<p>and {_many(len(others) - 8, 'run')} more, kept</p>" if len(others) > 8 else ""
    return _table(["Run", "What", "State", "#Rows", "#Rows a second", "#Viewers"], rows) + more


def _run(run: dict[str, Any], queue: list[str]) -> list[str]:
    state = f"{ordinal(queue.index(run['id']) + 1)} in line" if run["id"] in queue else run["error"] or run["status"]
    pace = f"{run['rows'] / run['seconds']:.1f}" if run["seconds"] else ""
    return [run["id"], run["what"], state, f"{run['rows']} of {run['of']}", pace, str(run["viewers"])]


def _workers(facts: dict[str, Any]) -> str:
    rows = [
        [
            str(worker["pid"]),
            f"trains {worker['run']}" if worker["run"] else "idle" if worker["ready"] else "starting",
            worker["computes"],
            str(worker["studies"]),
            _sum([worker], "megabytes", "{:.0f} MB"),
            _sum([worker], "cores", "{:.2f} cores"),
        ]
        for worker in facts["workers"]
    ]
    return _table(["Process", "State", "Computes with", "#Questions", "#Memory", "#Busy"], rows)


def _table(head: list[str], rows: list[list[str]]) -> str:
    """Returns an HTML table. Columns whose name begins with # hold numbers."""
    if not rows:
        return ""
    classes = [' class="number"' if name.startswith("#") else "" for name in head]
    line = "".join(f"<th{css}>{name.lstrip('#')}</th>" for css, name in zip(classes, head, strict=True))
    body = "".join(f"<tr>{''.join(f'<td{k}>{escape(v)}</td>' for k, v in zip(classes, row, strict=True))}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{line}</tr>{body}</table></div>'


def _section(title: str, content: str) -> str:
    return f"<h2>{title}</h2>{content or '<p>none</p>'}"


if __name__ == "__main__":  # Streamlit runs this file alone when a deep link is a fresh server's first request
    import dashboard

    dashboard.main()
