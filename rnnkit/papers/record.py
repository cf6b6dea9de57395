"""The recorded results of each paper (results/NAME.json): rows, budget, date and versions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from rnnkit.papers.base import Paper
from rnnkit.sweep import recorded
from rnnkit.sweep.recorded import Known, Recorded

FOLDER = Path(__file__).parent / "results"


@cache
def recorded_results(name: str) -> Recorded:
    """Returns what was recorded of this paper; an empty Recorded where nothing was."""
    return recorded.read(FOLDER / f"{name}.json")


def write(
    name: str, paper: Paper, budget: str, known: Known, folder: Path = FOLDER, longer: Mapping[str, Any] | None = None
) -> Path:
    """Writes the rows of the paper's runs within this budget to NAME.json, with the test of longer.py; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = dict.fromkeys(e.key for part in paper.parts for e in part.budgets[budget].runs)
    file = folder / f"{name}.json"
    recorded.write(
        file,
        {key: known[key] for key in keys if key in known},
        paper=name,
        budget=budget,
        **({"longer": longer} if longer else {}),
    )
    return file
