"""`rnnkit list`: prints all valid names of tasks, cells, remedies, studies and so on, each with one line about it."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import FIXES
from rnnkit.engine.inits import BIASES, INITS
from rnnkit.engine.optim import OPTIMIZERS
from rnnkit.engine.schedules import SCHEDULES
from rnnkit.stories.presets import PRESETS
from rnnkit.tasks import TASKS


def add_to(commands: Any) -> None:
    """Adds the subcommand's parser."""
    parser = commands.add_parser(
        "list", help="tasks, cells, initializations, remedies, optimizers, schedules, stories and studies to choose from"
    )
    parser.set_defaults(run=run)


def run(_args: argparse.Namespace) -> int:
    """Prints the list; returns exit code 0."""
    from rnnkit.studies import STUDIES  # it loads torch

    def first(thing: Any) -> str:
        return (thing.__doc__ or "").strip().splitlines()[0]

    sections = {
        "tasks": {k: t.about for k, t in TASKS.items()},
        "cells": {k: first(c) for k, c in CELLS.items()},
        "initializations of W_rec": {k: first(i.draw) for k, i in INITS.items()},
        "gate biases": {k: first(b.draw) for k, b in BIASES.items()},
        "remedies (--fix name:strength, and @n behind it: from training step n on)": {str(f()): f.about for f in FIXES.values()},
        "optimizers": {k: first(o) for k, o in OPTIMIZERS.items()},
        "learning rate schedules": {k: first(s) for k, s in SCHEDULES.items()},
        "stories (--preset)": {k: p.title for k, p in PRESETS.items()},
        "studies (rnnkit.studies.STUDIES, in a notebook)": {k: first(sys.modules[s.__module__]) for k, s in STUDIES.items()},
    }
    for title, entries in sections.items():
        print(f"{title}:")
        for name, text in entries.items():
            print(f"  {name:30} {text}")
        print()
    return 0
