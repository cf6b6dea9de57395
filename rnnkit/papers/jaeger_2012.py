"""Jaeger 2012: echo state networks on the tasks of Hochreiter & Schmidhuber, which were said to be out of their reach."""

from __future__ import annotations

from rnnkit.glossary.sources import Source
from rnnkit.papers.base import Paper, Part, budgets

SETUP = {"cell": "esn", "batch": 50, "steps": 60, "replicas": 8, "seed": 2012}
DIFFERENCES = (
    "The scalings are ours: one choice for each task, found by hand on other seeds. The report's are not known here.",
    "A network has solved the task once it has passed two tests in a row, each with at most 1 % errors on 256 sequences.",
    "At most 3,000 training sequences for each network; more at the larger budgets.",
)
SAYS = (
    "The report trains echo state networks on synthetic tasks with long-range dependencies. Its numbers are not known here. "
    "Sutskever et al. (2013) write that a reservoir of 100 units cannot learn these tasks."
)
UNITS = {f"{units} units": {"hidden": units} for units in (100, 300)}


def _part(title: str, task: str, **scaled: float) -> Part:
    return Part(
        title,
        SAYS,
        DIFFERENCES,
        budgets(
            {"task": task, **SETUP, **scaled},
            UNITS,
            "length",
            minutes={"values": [20, 50, 100]},
            hours={"values": [20, 50, 100, 200, 500], "steps": 600},
            full={"values": [20, 50, 100, 200, 500, 1000], "steps": 6000},
        ),
    )


PAPER = Paper(
    Source(
        "Jaeger",
        2012,
        "Long short-term memory in echo state networks: details of a simulation study",
        "Technical Report 27, Jacobs University Bremen",
        "https://www.semanticscholar.org/paper/35b7ceb6d4bfb81eaf005138fd9b058991951836",
    ),
    "Echo state networks, of which only the readout is trained, are put to tasks with long-range dependencies.",
    (
        _part("Adding", "adding", leak=0.05, gain=0.95, input_scale=0.3),
        _part("Temporal order", "temporal-order", leak=1.0, gain=1.0, input_scale=0.01),
    ),
)
