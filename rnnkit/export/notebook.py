"""Exports an Experiment as a Jupyter notebook (nbformat 4.5): an introduction, and the sections of its script."""

from __future__ import annotations

import json
from typing import Any

from rnnkit.analysis.learnt import baselines_text
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import Truncate
from rnnkit.experiment import FIELDS, Experiment
from rnnkit.export.script import FUTURE_IMPORT, header, sections


def notebook(e: Experiment) -> str:
    """Returns the notebook as JSON; it needs torch and numpy. Raises ExportError as `script` does."""
    parts = sections(e)
    cells = [_markdown(_introduction(e))]
    for n, section in enumerate(parts):
        cells.append(_markdown(f"## {section.title}\n\n{section.text}"))
        cells.append(_code(section.code if n else f"{FUTURE_IMPORT}\n\n{section.code}"))
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
    settings = [(spec.label, spec.words(getattr(e, name))) for name, spec in FIELDS.items() if spec.applies(e)]
    rows = "\n".join(f"| {label} | {value} |" for label, value in settings)
    parts = [
        f"# {title}",
        about,
        f"{link}\n\n{query}",
        f"| | |\n| --- | --- |\n{rows}",
        "**What to look at**\n\n" + "\n".join(f"- {sentence}" for sentence in _hints(e)),
    ]
    return "\n\n".join(parts)


def _hints(e: Experiment) -> list[str]:
    task, cell = e.bound_task, CELLS[e.cell]
    hints = [
        f"Step 0, before anything is trained: dL/dh_t at t={task.evidence_step(e.length)} ({task.evidence_name}) beside its size "
        f"at the {task.end_name}. What is a millionth there teaches nothing.",
        "The gradient's norm before any remedy: large numbers are what clipping is for.",
        f"At the end: the share of right answers on held-out sequences, beside {baselines_text(e)}.",
    ]
    if "c" in cell.parts:
        hints.insert(1, "dL/dc_t beside dL/dh_t: what is remembered travels in c. It includes the path through h_t.")
    if any(isinstance(fix, Truncate) for fix in e.fixes):
        hints.insert(1, "The exact zeros: truncation cut the way there.")
    if cell.reservoir:
        hints.insert(1, "That gradient is the one that would be: only the readout is fitted.")
    return hints
