"""Tallec & Ollivier 2018: gate biases for memories as long as the sequence (chrono initialization), on copying."""

from __future__ import annotations

from rnnkit.glossary.sources import SOURCES
from rnnkit.papers.base import ACCURACY, Paper, Part, Published, budgets

CHRONO, FORGET_1 = "LSTM, chrono", "LSTM, forget bias 1"

PAPER = Paper(
    SOURCES["tallec"],
    "An LSTM whose gate biases are drawn for memories of 1 to T steps copies over 500 steps, where a forget bias of 1 fails.",
    (
        Part(
            "Copying",
            "128 LSTM units, RMSProp with learning rate 0.001, delays of 500 and 2,000 steps. The figures show the loss over "
            "training: with chrono initialization it falls below that of a network without memory, 10 ln 8 / T; with a forget "
            "bias of 1 it stays there.",
            (
                "Adam with learning rate 0.005, and 64 units at the budget of minutes.",
                "Compared is the share of the ten symbols that is right at the end, 1/8 by guessing; the paper has the loss.",
                "The budget of minutes has sequences of 40 steps and 1,500 updates, that of hours sequences of up to 220 steps.",
            ),
            budgets(
                {"task": "copying", "cell": "lstm", "hidden": 128, "batch": 32, "lr": 0.005, "replicas": 2, "seed": 2018},
                {CHRONO: {"bias": "chrono"}, FORGET_1: {"bias": "forget-1"}},
                "length",
                minutes={"values": [40], "steps": 1500, "hidden": 64},
                hours={"values": [40, 120, 220], "steps": 20_000},
                full={"values": [120, 220, 520, 2020], "steps": 100_000, "batch": 128},
            ),
            tuple(
                Published(name, length, None, said)
                for length in (520, 2020)
                for name, said in ((CHRONO, "below the loss without memory"), (FORGET_1, "at the loss without memory"))
            ),
            ACCURACY,
        ),
    ),
)
