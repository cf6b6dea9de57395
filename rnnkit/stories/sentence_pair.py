"""SENTENCE_PAIR: the two networks that the page Sentence begins with. They differ in cell and gate bias; a test trains both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rnnkit.experiment import Experiment
from rnnkit.stories.claims import ALL, FEW, Claim
from rnnkit.stories.grid import Training

_tanh = Experiment(length=20, steps=100)

SENTENCE_PAIR: Mapping[str, Training] = {
    "LSTM, chrono initialization": Training(
        replace(_tanh, cell="lstm", bias="chrono"), Claim(ALL, ALL, ratio=(0.1, 0.5), after=(0.2, 5), part="c")
    ),
    "tanh": Training(_tanh, Claim(FEW, FEW, ratio=(0, 1e-3), after=(0, 1e-3))),
}
