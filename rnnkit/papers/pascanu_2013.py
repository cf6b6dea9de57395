"""Pascanu, Mikolov & Bengio 2013: clipping and Omega on the pathological tasks of Hochreiter & Schmidhuber."""

from __future__ import annotations

import math
from typing import Any

from rnnkit.experiment import Experiment
from rnnkit.glossary.sources import SOURCES
from rnnkit.papers.base import LongerTest, Paper, Part, Published, budgets

HIDDEN = 50
SETUP = {"hidden": HIDDEN, "batch": 20, "optimizer": "sgd", "lr": 0.01, "replicas": 5, "seed": 2013}
CURED = "SGD + clipping + Omega"
TRAININGS: dict[str, list[str]] = {"SGD": [], "SGD + clipping": ["clip-norm:1"], CURED: ["omega:4", "clip-norm:1"]}
DIFFERENCES = (
    "A network has solved the task once it has passed two tests in a row, each with at most 1 % errors on 256 held-out "
    "sequences. The paper tests once, on 10,000 sequences.",
    "W_out is drawn from N(0, 1/(3 H)); the paper draws it like W_in.",
    "Omega is the mean over the time steps, as in the authors' program; the paper writes a sum.",
    "The full budget is 1 million updates; the paper's is 5 million.",
)


def normal(std: float) -> dict[str, object]:
    """Returns the fields that draw W_rec and W_in from N(0, std^2); `gaussian` has the variance gain^2 / (3 H)."""
    return {"init": "gaussian", "gain": std * math.sqrt(3 * HIDDEN), "input_scale": std}


INITS: dict[str, dict[str, object]] = {
    "sigmoid": {"cell": "sigmoid", **normal(0.01)},
    "basic tanh": {"cell": "tanh", **normal(0.1)},
    "smart tanh": {"cell": "tanh", "init": "sparse", "gain": 0.95, "input_scale": 0.01},
}


def _figure_7(init: str, published: tuple[Published, ...] = ()) -> Part:
    return Part(
        f"Figure 7, {init}",
        "Temporal order of two symbols. 50 units, plain SGD with learning rate 0.01, batches of 20, at most 5 million updates, "
        "5 networks, Omega with strength 4, clipping at 1. The figure shows the share of networks that succeed over the length; "
        "its curves are pictures without numbers.",
        DIFFERENCES,
        budgets(
            {"task": "temporal-order", **SETUP, **INITS[init]},
            {name: {"fixes": fixes} for name, fixes in TRAININGS.items()},
            "length",
            minutes={"values": [10, 20, 30, 50], "steps": 5000},
            hours={"values": [20, 50, 100, 150, 200], "steps": 100_000},
            full={"values": [20, 50, 100, 150, 200, 250], "steps": 1_000_000},
        ),
        published,
    )


LONGER: dict[str, Any] = {"task": "temporal-order-lengths", **SETUP, **INITS["basic tanh"], "fixes": TRAININGS[CURED]}
LONGER_BUDGETS = {"minutes": (30, 20_000), "hours": (50, 100_000), "full": (200, 1_000_000)}  # T, updates at most
_FIVE = ["adding", "multiplication", "temporal-order-3", "memorization", "permutation"]

PAPER = Paper(
    SOURCES["pascanu"],
    "Clipping the gradient's norm cures exploding gradients, the penalty Omega vanishing ones, and together they train a plain "
    "network over 50 to 200 steps.",
    (
        _figure_7("sigmoid"),
        _figure_7(
            "basic tanh",
            tuple(
                Published(CURED, length, 1.0, "one model for lengths 50 to 200, in 5 of 5 trials")
                for length in (50, 100, 150, 200)
            ),
        ),
        _figure_7("smart tanh"),
        Part(
            "Is the number of updates the reason?",
            "The paper trains for up to 5 million updates. These are the networks of figure 7 at T = 50, basic tanh, with "
            "clipping and Omega, trained for more and more updates.",
            DIFFERENCES,
            budgets(
                {"task": "temporal-order", "length": 50, **SETUP, **INITS["basic tanh"]},
                {CURED: {"fixes": TRAININGS[CURED]}},
                "steps",
                minutes={"values": [5000, 20_000]},
                hours={"values": [5000, 20_000, 100_000]},
                full={"values": [100_000, 1_000_000]},
            ),
        ),
        Part(
            "One model for many lengths",
            "Temporal order, basic tanh, clipping and Omega. One model is trained on sequences of 50 to 200 symbols: no error in "
            "10,000 sequences, in 5 of 5 trials. The same model makes no error on sequences of up to 5,000 symbols either.",
            (
                *DIFFERENCES,
                "A run has sequences of T/4 to T symbols, each with a length of its own; in the paper a batch has one length.",
            ),
            budgets(
                {"task": "temporal-order-lengths", **SETUP, **INITS["basic tanh"]},
                {name: {"fixes": TRAININGS[name]} for name in ("SGD + clipping", CURED)},
                "length",
                minutes={"values": [30, 50], "steps": 5000},
                hours={"values": [50, 100, 200], "steps": 100_000},
                full={"values": [200], "steps": 1_000_000},
            ),
            (Published(CURED, 200, 1.0, "5 of 5 trials"),),
        ),
        Part(
            "The other five tasks",
            "Basic tanh, clipping and Omega, one model for lengths 50 to 200: all of 5 trials succeed on addition, "
            "multiplication, 3-bit temporal order and memorization, 2 of 5 on random permutation.",
            (*DIFFERENCES, "All sequences of a run have one length: 30 in minutes, 50 in hours, 200 at the full budget."),
            budgets(
                SETUP | INITS["basic tanh"],
                {CURED: {"fixes": TRAININGS[CURED]}},
                "task",
                minutes={"values": _FIVE, "length": 30, "steps": 5000},
                hours={"values": _FIVE, "length": 50, "steps": 100_000},
                full={"values": _FIVE, "length": 200, "steps": 1_000_000},
            ),
            tuple(Published(CURED, task, 0.4 if task == "permutation" else 1.0) for task in _FIVE),
        ),
    ),
    LongerTest(
        "Longer sequences than those of the training",
        "The model that was trained on temporal orders of 50 to 200 symbols, with clipping and Omega, makes no error on 50, 100, "
        "150, 200, 250, 500, 1,000, 2,000, 3,000 and 5,000 symbols either.",
        (
            "The networks are trained on T/4 to T symbols: 20,000 updates with T = 30 within minutes.",
            *DIFFERENCES[1:3],
        ),
        {budget: Experiment(**LONGER, length=length, steps=steps) for budget, (length, steps) in LONGER_BUDGETS.items()},
        (50, 100, 150, 200, 250, 500, 1000, 2000, 3000, 5000),
        published=0.0,
    ),
)
