"""How pages are shown to this viewer: enlarged for a lecture hall, with controls hidden or locked for a lesson.

The link holds it: `present=1`, `hide=cell,init`, `lock=length`. Hidden and locked controls keep their values, also where an
experiment is loaded (`load` in session.py). Results are never hidden. A page's own controls are named by the keys of their
widgets (LINKED, page_settings.py). A style sheet hides them, and frame.js locks them. Streamlit and the drawings scale with the
font size of the root element. `enlarged` scales charts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from pages.server.streamlit_private import resolve
from pages.state import viewer_state
from pages.state.viewer_state import View
from pages.ui import registry
from rnnkit.experiment import FIELDS

FONT_SCALE = 21 / 16  # of the presenter's view
CHART_HEIGHT_SCALE = 1.25  # of the presenter's view
UNSEEN = "position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);"  # screen readers read it
OTHER_CONTROLS = {  # besides the Experiment's fields
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
CONTROLS = {name: spec.label for name, spec in FIELDS.items() if name != "data"} | OTHER_CONTROLS


@cache
def controls() -> Mapping[str, str]:
    """Returns name -> label of all controls that can be hidden or locked, with the pages' own settings."""
    own = [key for linked in registry.linked().values() for key in linked]
    return CONTROLS | {key: key.replace("_", ": ", 1).replace("_", " ").capitalize() for key in own}


def to_query(view: View) -> dict[str, str]:
    """Returns the part of a link that opens it in this view."""
    lists = {name: ",".join(n for n in controls() if n in getattr(view, name)) for name in ("hide", "lock")}
    return ({"present": "1"} if view.present else {}) | {name: text for name, text in lists.items() if text}


def from_query(query: dict[str, str]) -> tuple[View, list[str]]:
    """Removes the view from a query and returns it, with messages about invalid parts, which are left out."""
    messages: list[str] = []
    present = query.pop("present", "")
    if present not in ("", "0", "1"):
        messages.append(f"present must be 0 or 1, got {present[:40]!r}: the usual view is shown")
    return View(present == "1", *(_names(name, query.pop(name, ""), messages) for name in ("hide", "lock"))), messages


def _names(of: str, text: str, messages: list[str]) -> frozenset[str]:
    names = [registry.renamed().get(name.strip(), name.strip()) for name in text.split(",") if name.strip()]
    known = controls()
    if unknown := [name for name in names if name not in known]:
        others = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        valid = f"{', '.join(CONTROLS)}, and the pages' own settings"
        messages.append(f"{of}: no control is called {unknown[0][:40]!r}{others}: valid are {valid}")
    return frozenset(names) & known.keys()


# ---- this viewer's ----


def view() -> View:
    """Returns this viewer's view."""
    return viewer_state.current().view


def show(shown: View) -> None:
    """Sets this viewer's view."""
    viewer_state.current().view = shown


def presenting() -> bool:
    return view().present


def hidden(name: str) -> bool:
    return name in view().hide


def locked(name: str) -> bool:
    return name in view().lock


def kept() -> frozenset[str]:
    """Returns the controls that a lesson hides or locks. They keep their values."""
    return view().hide | view().lock


def without_hidden(names: Iterable[str]) -> set[str]:
    return set(names) - view().hide


def present(on: bool) -> None:
    """Callback: switches the presenter's view on or off."""
    show(replace(view(), present=on))


def size(pixels: float) -> int:
    """Scales a width, a height or a font size in pixels to this view."""
    return round(pixels * FONT_SCALE) if presenting() else round(pixels)


def chart(spec: dict[str, Any]) -> dict[str, Any]:
    """Scales a chart's specification to this view."""
    return enlarged(spec) if presenting() else spec


def enlarged(spec: Any) -> Any:
    """Returns a chart's specification with larger fonts and a larger height."""
    if isinstance(spec, list):
        return [enlarged(part) for part in spec]
    if not isinstance(spec, dict):
        return spec
    return {k: _scaled(k, v) for k, v in spec.items()}


def _scaled(key: str, value: Any) -> Any:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return value if key == "datasets" else enlarged(value)
    if key.lower().endswith("fontsize"):
        return round(value * FONT_SCALE)
    return round(value * CHART_HEIGHT_SCALE) if key == "height" else value


# ---- the style sheet ----

_PRESENTER = resolve(f"""<style>
html {{ font-size: {16 * FONT_SCALE:.0f}px !important; --least: 13.2rem; --above: 14.7rem; --controls: 0rem; }}
.streamlit-sidebar, .st-key-heatmap_controls {{ display: none; }}
:root:has(.st-key-heatmap_pinned) {{ --above: 10.9rem; }}  /* the two runs have titles of their own */
.streamlit-block {{ padding-top: 2.2rem; }}
:root:has(.st-key-heatmap_pinned) .st-key-headline {{ display: none; }}
:root:has(.st-key-heatmap_pinned) .streamlit-block {{ padding-top: 1.2rem; }}
.streamlit-main .streamlit-caption, .st-key-try_next, .st-key-mathematics {{ display: none; }}
@media (max-height: 820px) {{ .st-key-opening {{ {UNSEEN} }} }}  /* the drawing needs the height of a laptop */
</style>""")


def selector(names: Collection[str]) -> str:
    """Returns a CSS selector of the pages' own controls among these names.

    A widget's key can end in "~n" (VersionedKey), which becomes "-n" in the element's class.
    """
    return ",".join(f".st-key-{key},[class*='st-key-{key}-']" for key in sorted(set(names) - CONTROLS.keys()))


def style() -> str:
    """Returns the style sheet of this view."""
    gone, fixed = selector(view().hide), selector(view().lock)
    sheets = [_PRESENTER] if presenting() else []
    sheets += [f"<style>:is({gone}) {{ display: none; }}</style>"] if gone else []
    sheets += [f"<style>:is({fixed}) {{ opacity: 0.6; }}</style>"] if fixed else []
    return "".join(sheets)
