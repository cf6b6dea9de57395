"""Le, Jaitly & Hinton 2015: ReLU networks with recurrent weights that start as the identity (IRNN), on adding."""

from __future__ import annotations

from rnnkit.glossary.sources import SOURCES
from rnnkit.papers.base import Paper, Part, Published, budgets

VARIANTS = {
    "IRNN": {"cell": "relu", "init": "identity", "lr": 0.001, "input_scale": 0.03},
    "LSTM": {"cell": "lstm", "bias": "forget-1", "lr": 0.01, "input_scale": 0.1},
    "tanh": {"cell": "tanh", "lr": 0.003, "input_scale": 0.3},
}

PAPER = Paper(
    SOURCES["le"],
    "A plain network of rectified linear units that starts as the identity learns what an LSTM learns.",
    (
        Part(
            "Adding, the sum of two marked numbers",
            "100 hidden units, plain SGD with the best of several learning rates, clipping thresholds and forget biases, T = 150 "
            "to 400. The figures show the squared error over training, one curve a network; guessing 1 has 0.167. IRNN and LSTM "
            "reach almost 0 up to T = 300.",
            (
                "Adam with one learning rate for each cell, in place of SGD with the best of several.",
                "A network has solved the task once it has passed two tests in a row, each with at most 1 % wrong answers on 256 "
                "sequences; an answer is right within 0.2 of the sum.",
            ),
            budgets(
                {"task": "adding-sum", "hidden": 100, "batch": 16, "seed": 2015},
                VARIANTS,
                "length",
                minutes={"values": [150, 200], "steps": 1200, "replicas": 2},
                hours={"values": [150, 200, 300, 400], "steps": 10_000, "replicas": 4},
                full={"values": [150, 200, 300, 400], "steps": 200_000, "replicas": 8},
            ),
            tuple(
                Published(name, length, None, "solved, as its curve shows")
                for name in ("IRNN", "LSTM")
                for length in (150, 200, 300)
            ),
        ),
    ),
)
