"""`rnnkit list`: prints the names that options take, each with one line about it."""

from __future__ import annotations

import argparse
from typing import Any

from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import FIXES
from rnnkit.engine.inits import BIASES, INITS
from rnnkit.engine.optim import OPTIMIZERS
from rnnkit.stories.presets import PRESETS
from rnnkit.tasks import TASKS


def add_to(commands: Any) -> None:
    parser = commands.add_parser("list", help="tasks, cells, initializations, remedies, optimizers and stories to choose from")
    parser.set_defaults(run=run)


def run(_args: argparse.Namespace) -> int:
    def first(thing: Any) -> str:
        return (thing.__doc__ or "").strip().splitlines()[0]

    sections = {
        "tasks": {k: t.about for k, t in TASKS.items()},
        "cells": {k: first(c) for k, c in CELLS.items()},
        "initializations of W_rec": {k: first(i.draw) for k, i in INITS.items()},
        "gate biases": {k: first(b.draw) for k, b in BIASES.items()},
        "remedies (--fix name:strength, and @n behind it: from training step n on)": {
            f"{k}:{f.default}": f.about for k, f in FIXES.items()
        },
        "optimizers": {k: first(o) for k, o in OPTIMIZERS.items()},
        "stories (--preset)": {k: p.title for k, p in PRESETS.items()},
    }
    for title, entries in sections.items():
        print(f"{title}:")
        for name, text in entries.items():
            print(f"  {name:30} {text}")
        print()
    return 0
