"""What is right without any memory: BASELINES, always drawn beside a network. Fitted on the training part alone.

A baseline is `fit(prefixes, plural) -> predict`, and `predict(prefixes)` gives (N,) bool, True for plural. Where no noun is
found, the rules about the last noun answer as the majority does. The last noun's number is what the corpus says (a column, or a
treebank); else nouns and their number are guessed (nouns.py), an estimate for English; else there are no such baselines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rnnkit.corpus.data import Corpus
from rnnkit.corpus.nouns import is_english, last_noun
from rnnkit.corpus.parts import TRAIN, split

Prefixes = Sequence[Sequence[str]]
Predict = Callable[[Prefixes], np.ndarray]

STEPS = 100  # of the bag of words; twenty times as many move its accuracy by 0.1 points on the Wikipedia prefixes
PENALTY = 1.0  # of the bag of words: half this times the squared weights is added to the summed loss


@dataclass(frozen=True)
class Baseline:
    title: str
    about: str  # one sentence for the page
    fit: Callable[[Prefixes, np.ndarray], Predict]


def majority(prefixes: Prefixes, plural: np.ndarray) -> Predict:
    answer = bool(2 * np.sum(plural) >= len(plural))
    return lambda new: np.full(len(new), answer)


def last(prefixes: Prefixes, plural: np.ndarray, opposite: bool = False) -> Predict:
    fallback = bool(majority(prefixes, plural)([()])[0])

    def answer(words: Sequence[str]) -> bool:
        noun = last_noun(words)
        return fallback if noun is None else noun[1] != opposite

    return lambda new: np.array([answer(words) for words in new], bool)


def opposite(prefixes: Prefixes, plural: np.ndarray) -> Predict:
    return last(prefixes, plural, opposite=True)


def bag_of_words(prefixes: Prefixes, plural: np.ndarray) -> Predict:
    """Logistic regression on word counts x: minimises sum log(1 + exp(-+(w x + b))) + PENALTY/2 |w|^2.

    Nesterov's accelerated gradient, each weight with a step of its own: the curvature of the loss is at most X^T X / 4, which
    is below the diagonal matrix of its row sums (counts are not negative), so these steps are safe for any corpus.
    """
    ids: dict[str, int] = {}
    tokens = np.array([ids.setdefault(word, len(ids)) for words in prefixes for word in words], np.int64)
    lengths = np.array([len(words) for words in prefixes])
    rows, n, m = np.repeat(np.arange(len(lengths)), lengths), len(lengths), len(ids)
    curve = PENALTY + np.bincount(tokens, (lengths + 1.0)[rows], m) / 4  # + 1: the constant input of b
    curve_b = (lengths + 1.0).sum() / 4
    w, b = np.zeros(m), 0.0
    ahead, ahead_b = w, b
    for step in range(STEPS):
        error = _sigmoid(np.bincount(rows, ahead[tokens], n) + ahead_b) - plural
        w_new = ahead - (np.bincount(tokens, error[rows], m) + PENALTY * ahead) / curve
        b_new = ahead_b - error.sum() / curve_b
        momentum = step / (step + 3)
        ahead, ahead_b = w_new + momentum * (w_new - w), b_new + momentum * (b_new - b)
        w, b = w_new, b_new

    weights = dict(zip(ids, w.tolist(), strict=True))
    return lambda new: np.array([sum(weights.get(word, 0.0) for word in words) + b >= 0 for words in new], bool)


def _sigmoid(a: np.ndarray) -> np.ndarray:
    return 0.5 + 0.5 * np.tanh(0.5 * a)  # never overflows


def predictions(corpus: Corpus, items: np.ndarray) -> dict[str, np.ndarray]:
    """name -> predicted plural of the items (a mask or indices), every baseline fitted on the training part.

    Without "last-noun" and "opposite" where the number of the last noun is neither given nor guessed: see `no_last_noun`.
    """
    train = split(corpus) == TRAIN
    known = [words for words, taken in zip(corpus.prefixes, train, strict=True) if taken]
    asked = [corpus.prefixes[i] for i in np.arange(len(corpus))[items]]
    left_out = ("last-noun", "opposite") if no_last_noun(corpus, items) else ()
    found = {
        name: baseline.fit(known, corpus.plural[train])(asked) for name, baseline in BASELINES.items() if name not in left_out
    }
    given = corpus.last_noun[items]
    if (given >= 0).any():
        for name, plural in (("last-noun", given == 1), ("opposite", given == 0)):
            found[name] = np.where(given >= 0, plural, found["majority"])
    return found


def no_last_noun(corpus: Corpus, items: np.ndarray) -> str:
    """Why there is no baseline of the last noun for these items; "" where there is one."""
    if (corpus.last_noun[items] >= 0).any() or is_english(corpus.prefixes):
        return ""
    return (
        "The baselines of the last noun are left out: its number is guessed from English endings, and these sentences do not "
        "look English. A column last_noun (sg or pl) gives it."
    )


BASELINES: dict[str, Baseline] = {
    "majority": Baseline("majority", "Always the number that is more frequent in the training sentences.", majority),
    "last-noun": Baseline(
        "last noun", "The number of the last noun before the verb: what the corpus says, else what its shape tells.", last
    ),
    "opposite": Baseline("opposite of the last noun", "The other number than that of the last noun before the verb.", opposite),
    "bag-of-words": Baseline(
        "bag of words", "A logistic regression on how often each word occurs, whatever the order.", bag_of_words
    ),
}
