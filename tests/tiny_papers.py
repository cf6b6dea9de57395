"""A part of a paper that trains in a moment."""

from rnnkit.papers import BUDGETS, Part
from rnnkit.papers.base import NETWORKS, budgets

BASE = {"hidden": 4, "batch": 4, "replicas": 4, "seed": 5}


def part(published=(), counts=NETWORKS, axis="length", values=(7, 9), variants=("tanh", "gru")):
    of = {budget: {"values": list(values), "steps": 12 * n} for n, budget in enumerate(BUDGETS, 1)}
    fields = {name: {"cell": name} for name in variants}
    return Part("Tiny", "The setup.", ("Another cell.",), budgets(BASE, fields, axis, **of), tuple(published), counts)
