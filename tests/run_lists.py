"""Run lists, and one as a file: what the tests of the run list share."""

from dataclasses import replace

from rnnkit.engine.fixes import ClipNorm, Omega
from rnnkit.experiment import Experiment
from rnnkit.export.run_list import MAX_RUNS, Entry, dump

PLAIN = Experiment(length=10, steps=20, replicas=2)
RUNS = (
    PLAIN,
    replace(PLAIN, cell="gru"),
    replace(PLAIN, cell="lstm", bias="chrono", length=8),
    replace(PLAIN, fixes=(Omega(0.5), ClipNorm(1.0, start_step=7)), seed=3),
    Experiment(cell="esn", length=10, steps=20, replicas=2, ridge=1e-6),
)
ENTRIES = [
    Entry("tanh", RUNS[0], place=0),
    Entry("<b>GRU</b> :red[x] $y$", RUNS[1], custom_name=True, place=3),
    Entry("Gedächtnis, 記憶", RUNS[2], custom_name=True),
    Entry("Omega", RUNS[3]),
]
FILE = dump(ENTRIES)
FULL = [Entry(f"run {seed}", replace(PLAIN, seed=seed)) for seed in range(MAX_RUNS + 3)]
