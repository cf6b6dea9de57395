"""How the pages are shown to this viewer: enlarged for a room, and with controls hidden or locked for a lesson.

It travels in the link: `present=1`, `hide=cell,init`, `lock=length`. What is hidden or locked keeps its value, and nothing that
loads an experiment changes it (_session.load); results are never hidden. A page's own controls go by the keys of their widgets
(LINKED, see page_settings.py); a style sheet hides them, and frame.js locks them. Streamlit sizes everything by the root's
font, and so do the drawings; `enlarged` does the same for charts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from pages.server.streamlit_private import resolve
from rnnkit.analysis.describe import LABELS
from rnnkit.experiment import FIELDS

FONT = 21 / 16  # of the presenter's type, relative to the usual one
CHART = 1.25  # of a chart's height
ELSEWHERE = {  # controls besides the Experiment's fields
    "story": "Story",
    "pin": "Pin, unpin and swap",
    "train": "Train and pause",
    "step": "Step",
    "reset": "Reset",
    "stop": "Stop",
    "pace": "Pace",
    "seek": "Seek bar",
    "downloads": "Take home",
    "tour": "Tour",
    "present": "Presenter's view",
    "share": "Share",
    "pages": "Navigation between pages",
}
CONTROLS = {name: label for name, label in LABELS.items() if name in FIELDS and name != "data"} | ELSEWHERE


@dataclass(frozen=True)
class View:
    present: bool = False
    hide: frozenset[str] = frozenset()
    lock: frozenset[str] = frozenset()

    def to_query(self) -> dict[str, str]:
        lists = {name: ",".join(n for n in controls() if n in getattr(self, name)) for name in ("hide", "lock")}
        return ({"present": "1"} if self.present else {}) | {name: text for name, text in lists.items() if text}


def controls() -> dict[str, str]:
    """Name -> label, of all that can be hidden or locked."""
    return CONTROLS | st.session_state.get("own_controls", {})


def from_query(query: dict[str, str]) -> tuple[View, list[str]]:
    """Takes what is the view's out of a link; what is wrong with it is left out and named."""
    messages: list[str] = []
    present = query.pop("present", "")
    if present not in ("", "0", "1"):
        messages.append(f"present must be 0 or 1, got {present[:40]!r}: the usual view is shown")
    return View(present == "1", *(_names(name, query.pop(name, ""), messages) for name in ("hide", "lock"))), messages


def _names(of: str, text: str, messages: list[str]) -> frozenset[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    known = controls()
    if unknown := [name for name in names if name not in known]:
        others = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        messages.append(f"{of}: no control is called {unknown[0][:40]!r}{others}: valid are {', '.join(known)}")
    return frozenset(names) & known.keys()


# ---- this viewer's ----


def view() -> View:
    return st.session_state.view


def show(shown: View) -> None:
    st.session_state.view = shown


def presenting() -> bool:
    return st.session_state.get("view", View()).present


def hidden(name: str) -> bool:
    return name in view().hide


def locked(name: str) -> bool:
    return name in view().lock


def kept(name: str) -> bool:
    """Whether this control keeps its value in this lesson."""
    return name in view().hide | view().lock


def without_hidden(names: Iterable[str]) -> set[str]:
    return set(names) - view().hide


def present(on: bool) -> None:
    show(replace(view(), present=on))


def size(pixels: float) -> int:
    """A width, a height or a font given in pixels, as large as this view wants it."""
    return round(pixels * FONT) if presenting() else round(pixels)


def chart(spec: dict[str, Any]) -> dict[str, Any]:
    """A chart's specification as this view shows it."""
    return enlarged(spec) if presenting() else spec


def enlarged(spec: Any) -> Any:
    """Every font larger, and the chart higher."""
    if isinstance(spec, list):
        return [enlarged(part) for part in spec]
    if not isinstance(spec, dict):
        return spec
    return {k: _larger(k, v) for k, v in spec.items()}


def _larger(key: str, value: Any) -> Any:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return value if key == "datasets" else enlarged(value)
    if key.lower().endswith("fontsize"):
        return round(value * FONT)
    return round(value * CHART) if key == "height" else value


# ---- what the page looks like then ----

_PRESENTER = resolve(f"""<style>
html {{ font-size: {16 * FONT:.0f}px !important; }}
.streamlit-main .streamlit-caption, .st-key-try_next, .st-key-mathematics {{ display: none; }}
</style>""")


def selector(names: Collection[str]) -> str:
    """In CSS, of the pages' own controls among these; a widget's key can end in "~n" (_options), which becomes "-n"."""
    return ",".join(f".st-key-{key},[class*='st-key-{key}-']" for key in sorted(set(names) - CONTROLS.keys()))


def style() -> str:
    """The style sheet of this view."""
    gone, fixed = selector(view().hide), selector(view().lock)
    told = [_PRESENTER] if presenting() else []
    told += [f"<style>:is({gone}) {{ display: none; }}</style>"] if gone else []
    told += [f"<style>:is({fixed}) {{ opacity: 0.6; }}</style>"] if fixed else []
    return "".join(told)
