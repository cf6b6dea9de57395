"""Hochreiter & Schmidhuber 1997: how many sequences an LSTM needs for adding and for temporal order."""

from __future__ import annotations

from rnnkit.glossary.sources import SOURCES
from rnnkit.papers.base import SEQUENCES, Paper, Part, Published, budgets

SETUP = {"cell": "lstm", "bias": "chrono", "hidden": 32, "batch": 32, "lr": 0.01, "replicas": 8, "seed": 1997}
LSTM = "LSTM"
DIFFERENCES = (
    "The LSTM has a forget gate with chrono initialization, and Adam with learning rate 0.01 and batches of 32 trains it. The "
    "paper's has no forget gate, and truncated gradients with one sequence an update train it.",
    "A network has solved the task at the first of two tests in a row that it passes, each with at most 1 % errors on 256 "
    "held-out sequences. So the number of sequences is that of the test, a multiple of the sequences between two tests.",
)

PAPER = Paper(
    SOURCES["hochreiter"],
    "An LSTM learns dependencies over 100 to 1,000 steps, which no recurrent network before it could learn by gradient descent.",
    (
        Part(
            "Adding (experiment 4)",
            "Two numbers of a long stream are marked; the output is their mean, scaled. Solved when the last 2,000 sequences "
            "have an error below 0.04. Sequences until then: 74,000 for T = 100, 209,000 for 500, 853,000 for 1,000.",
            (
                *DIFFERENCES,
                "An answer is right here within 0.2 of the mean (Pascanu et al.'s rule), in the paper within 0.04, which is much "
                "harder.",
            ),
            budgets(
                {"task": "adding", **SETUP},
                {LSTM: {}},
                "length",
                minutes={"values": [100, 500], "steps": 600, "replicas": 4},
                hours={"values": [100, 500, 1000], "steps": 3000},
                full={"values": [100, 500, 1000], "steps": 30_000},
            ),
            (Published(LSTM, 100, 74_000), Published(LSTM, 500, 209_000), Published(LSTM, 1000, 853_000)),
            SEQUENCES,
        ),
        Part(
            "Temporal order (experiments 6a and 6b)",
            "Which of X and Y came, and in which order, at two (6a) or three (6b) moments of 100 to 110 symbols. Sequences until "
            "solved: 31,390 and 571,100.",
            (*DIFFERENCES, "All sequences have 105 symbols, and the symbols stand where Pascanu et al. put them."),
            budgets(
                {"length": 105, **SETUP},
                {LSTM: {}},
                "task",
                minutes={"values": ["temporal-order", "temporal-order-3"], "steps": 1200, "replicas": 4},
                hours={"values": ["temporal-order", "temporal-order-3"], "steps": 3000},
                full={"values": ["temporal-order", "temporal-order-3"], "steps": 20_000},
            ),
            (Published(LSTM, "temporal-order", 31_390), Published(LSTM, "temporal-order-3", 571_100)),
            SEQUENCES,
        ),
    ),
)
