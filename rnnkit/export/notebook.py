"""An Experiment as a Jupyter notebook: the sections of its script, with what to look at above them (nbformat 4.5)."""

from __future__ import annotations

import json
from typing import Any

from rnnkit.analysis.describe import LABELS, titles
from rnnkit.analysis.learnt import others
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import Truncate
from rnnkit.experiment import Experiment
from rnnkit.export.script import FUTURE, header, sections


def notebook(e: Experiment) -> str:
    """The notebook as JSON; running it needs torch and numpy alone. Raises ExportError like `script`."""
    parts = sections(e)
    cells = [_markdown(_introduction(e))]
    for n, section in enumerate(parts):
        cells.append(_markdown(f"## {section.title}\n\n{section.text}"))
        cells.append(_code(section.code if n else f"{FUTURE}\n\n{section.code}"))
    cells += [_markdown("## Run\n\nNow change something above, run the cells again, and compare."), _code("main()")]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    whole = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "cells": [cell | {"id": f"cell-{n}"} for n, cell in enumerate(cells)],
    }
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def _markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text.strip()}


def _code(text: str) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": text.strip()}


def _introduction(e: Experiment) -> str:
    title, _, about, link, query, *_ = header(e)
    rows = "\n".join(f"| {LABELS[name]} | {_value(name, value)} |" for name, value in e.to_dict().items())
    parts = [
        f"# {title}",
        about,
        f"{link}\n\n{query}",
        f"| | |\n| --- | --- |\n{rows}",
        "**What to look at**\n\n" + "\n".join(f"- {sentence}" for sentence in _to_see(e)),
    ]
    return "\n\n".join(parts)


def _value(name: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return titles(name).get(value, f"{value}")


def _to_see(e: Experiment) -> list[str]:
    task, cell = e.bound_task, CELLS[e.cell]
    seen = [
        f"Step 0, before anything is trained: dL/dh_t at t={task.source(e.length)} ({task.source_name}) beside its size at the "
        f"{task.end_name}. What is a millionth there teaches nothing.",
        "The gradient's norm before any remedy: large numbers are what clipping is for.",
        f"In the end: the share of right answers in the exam, beside {others(e)}.",
    ]
    if "c" in cell.parts:
        seen.insert(1, "dL/dc_t beside dL/dh_t: what is remembered travels in c. It includes the path through h_t.")
    if any(isinstance(fix, Truncate) for fix in e.fixes):
        seen.insert(1, "The exact zeros: truncation cut the way there.")
    if cell.reservoir:
        seen.insert(1, "That gradient is the one that would be: only the readout is fitted.")
    return seen
