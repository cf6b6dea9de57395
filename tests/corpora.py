"""Small corpora to train on."""

import numpy as np

from rnnkit import Experiment
from rnnkit.corpus import Corpus

SMALL = Experiment(task="corpus", length=15, hidden=6, batch=8, steps=20, replicas=2)


def corpus_of(n_singular=300, n_plural=300, name="mine"):
    """Sentences whose first word is the subject."""
    rng = np.random.default_rng(0)
    fill = [tuple(rng.choice(["old", "red", "very", "near"], rng.integers(1, 9))) for _ in range(n_singular + n_plural)]
    plural = np.arange(len(fill)) >= n_singular
    unknown = np.full(len(fill), -1, np.int16)
    prefixes = tuple((f"{'cats' if p else 'cat'}{i % 7}", *words) for i, (p, words) in enumerate(zip(plural, fill, strict=True)))
    return Corpus(name, "table", prefixes, plural, unknown, unknown, (), ())
