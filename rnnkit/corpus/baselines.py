"""Baselines for agreement that need no memory, fitted on the training part alone.

A baseline is `fit(prefixes, plural) -> predict`; `predict(prefixes)` returns (N,) bool, True for plural. The number of the
last noun is what the corpus gives (a column or a treebank). Else it is estimated for English (nouns.py), and other languages
have no baselines of the last noun. Where a prefix has no noun, they answer as the majority does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rnnkit.corpus import nouns
from rnnkit.corpus.data import Corpus
from rnnkit.corpus.parts import TRAIN, split

Prefixes = Sequence[Sequence[str]]
Predict = Callable[[Prefixes], np.ndarray]

FIT_STEPS = 100  # of the bag of words; 2,000 steps change its accuracy by 0.1 points on the Wikipedia prefixes
PENALTY = 1.0  # L2 penalty of the bag of words


@dataclass(frozen=True)
class Baseline:
    """A rule that predicts the number of the verb."""

    title: str
    about: str  # one sentence for the page
    fit: Callable[[Prefixes, np.ndarray], Predict]


def majority(prefixes: Prefixes, plural: np.ndarray) -> Predict:
    """Predicts the more frequent number of the training part; plural where both are equally frequent."""
    answer = bool(2 * np.sum(plural) >= len(plural))
    return lambda new: np.full(len(new), answer)


def last(prefixes: Prefixes, plural: np.ndarray, opposite: bool = False) -> Predict:
    """Predicts the number of the last noun, or its opposite; the majority where there is no noun."""
    fallback = bool(majority(prefixes, plural)([()])[0])

    def answer(words: Sequence[str]) -> bool:
        noun = nouns.last_noun(words)
        return fallback if noun is None else noun[1] != opposite

    return lambda new: np.array([answer(words) for words in new], bool)


def opposite(prefixes: Prefixes, plural: np.ndarray) -> Predict:
    """Predicts the opposite of the number of the last noun."""
    return last(prefixes, plural, opposite=True)


def bag_of_words(prefixes: Prefixes, plural: np.ndarray) -> Predict:
    """Logistic regression on word counts x: minimises sum log(1 + exp(-y (w x + b))) + PENALTY/2 ||w||^2, y = 1 or -1.

    Nesterov's accelerated gradient with one step size for each weight. The Hessian of the loss is at most X^T X / 4, which is
    at most the diagonal matrix of its row sums, because counts are not negative. So these steps converge for any corpus.
    """
    ids: dict[str, int] = {}
    tokens = np.array([ids.setdefault(word, len(ids)) for words in prefixes for word in words], np.int64)
    lengths = np.array([len(words) for words in prefixes])
    rows, n, m = np.repeat(np.arange(len(lengths)), lengths), len(lengths), len(ids)
    curve = PENALTY + np.bincount(tokens, (lengths + 1.0)[rows], m) / 4  # + 1: the constant input of b
    curve_b = (lengths + 1.0).sum() / 4
    w, b = np.zeros(m), 0.0
    ahead, ahead_b = w, b
    for step in range(FIT_STEPS):
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
    """Returns name -> (n,) bool, predicted plural of the items (a mask or indices), of every baseline.

    Leaves out "last-noun" and "opposite" where no number of the last noun is known: see `no_last_noun`.
    """
    train = split(corpus) == TRAIN
    train_prefixes = [words for words, is_train in zip(corpus.prefixes, train, strict=True) if is_train]
    test_prefixes = [corpus.prefixes[i] for i in np.arange(len(corpus))[items]]
    left_out = ("last-noun", "opposite") if no_last_noun(corpus, items) else ()
    predicted = {
        name: baseline.fit(train_prefixes, corpus.plural[train])(test_prefixes)
        for name, baseline in BASELINES.items()
        if name not in left_out
    }
    last_noun = corpus.last_noun[items]
    if (last_noun >= 0).any():
        for name, plural in (("last-noun", last_noun == 1), ("opposite", last_noun == 0)):
            predicted[name] = np.where(last_noun >= 0, plural, predicted["majority"])
    return predicted


def no_last_noun(corpus: Corpus, items: np.ndarray) -> str:
    """Returns why there are no baselines of the last noun for these items; "" where there are."""
    if (corpus.last_noun[items] >= 0).any() or nouns.is_english(corpus.prefixes):
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
