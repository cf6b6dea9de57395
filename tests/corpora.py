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


SYLLABLES = [first + vowel for first in "bdfgklmnprtv" for vowel in "aeiou"]
ADJECTIVES = ["big", "small", "dark", "late", "quick", "warm", "red", "slow", "great", "sharp"]
ATTRACTORS = (0.27, 0.26, 0.26, 0.17, 0.04)  # shares of prefixes with 0, 1, ... in Gulordava et al.'s Wikipedia sentences


def varied_corpus(n=7489):
    """As many prefixes as the published Wikipedia corpus has, with its share of attractors: "the old bakir near the lomans".

    1,200 made-up nouns, few of them frequent. All nouns behind the subject are attractors or, in a third of the places, like it.
    """
    rng = np.random.default_rng(0)
    nouns = sorted({"".join(rng.choice(SYLLABLES, 2)) + "nrtk"[rng.integers(4)] for _ in range(2000)})[:1200]
    rng.shuffle(nouns)
    frequency = 1 / (10 + np.arange(len(nouns)))
    plural, attractors = rng.random(n) < 0.6, rng.choice(5, n, p=ATTRACTORS)
    prefixes = []
    for p, many in zip(plural.tolist(), attractors.tolist(), strict=True):
        numbers = [p, *[not p] * many]
        numbers[1:1] = [p] if rng.random() < 0.33 else []
        drawn = iter(rng.choice(nouns, len(numbers), p=frequency / frequency.sum()))
        words = []
        for number in numbers:
            words += [rng.choice(["of", "near", "with", "behind"])] if words else []
            words += ["the", *rng.choice(ADJECTIVES, rng.integers(3)), next(drawn) + "s" * number]
        prefixes.append(tuple(map(str, words)))
    return Corpus("varied", "table", tuple(prefixes), plural, attractors, np.full(n, -1, np.int16), (), ())
