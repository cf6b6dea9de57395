"""N-gram language models, the baselines beside a network. numpy alone.

    P_1(b) = (c(b) + 1) / (N + V)                                        unigram, add one
    P_n(b | context) = (c(context b) + m P_{n-1}(b | shorter)) / (c(context) + m)

c counts in the training part, V is the number of symbols, `shorter` is the context without its first symbol. The rarer a
context, the more weight has the shorter one (interpolation with a Dirichlet prior: MacKay & Peto 1995). m is chosen on the
validation part.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

STRENGTHS = (0.1, 0.5, 2.0, 10.0, 50.0)  # values of m that are tried


def log_probabilities(
    train: np.ndarray, read: np.ndarray, symbols: int, order: int, m: float, lengths: Sequence[int] = ()
) -> np.ndarray:
    """Returns (order, n): log P_1 ... log P_order of each of the n symbols of `read`, given the symbols before it.

    train, read: (N,) and (n,) ints below `symbols`. `read` is one sequence, or several of these `lengths`, concatenated. At
    the start of a sequence the context is as long as there are symbols.
    """
    counts = np.bincount(train, minlength=symbols)
    p = [(counts[read] + 1) / (len(train) + symbols)]
    both = np.concatenate([train, read]).astype(np.int64)
    split = len(train)
    context = np.zeros(len(both), np.int64)  # id of the n - 1 symbols before each position
    position = np.concatenate([np.arange(n) for n in (split, *(lengths or [len(read)]))])  # in its sequence
    for n in range(2, order + 1):
        before = np.concatenate([[0], both[:-1]])
        if n > 2:  # the context one position earlier, and the symbol there
            before = np.concatenate([[0], context[:-1]]) * symbols + before
        context = np.unique(before, return_inverse=True)[1]
        ngram = np.unique(context * symbols + both, return_inverse=True)[1]
        complete = position >= n - 1
        counted = complete[:split]
        n_context = np.bincount(context[:split][counted], minlength=context.max() + 1)[context[split:]]
        n_ngram = np.bincount(ngram[:split][counted], minlength=ngram.max() + 1)[ngram[split:]]
        longer = (n_ngram + m * p[-1]) / (n_context + m)
        p.append(np.where(complete[split:], longer, p[-1]))
    return np.log(np.stack(p))


def best_strength(train: np.ndarray, validation: np.ndarray, symbols: int, order: int) -> float:
    """Returns the m of STRENGTHS that gives the validation part the highest probability."""
    if order == 1:
        return STRENGTHS[0]  # P_1 has no m
    losses = [-log_probabilities(train, validation, symbols, order, m)[-1].mean() for m in STRENGTHS]
    return STRENGTHS[int(np.argmin(losses))]


def bits_per_symbol(
    train: np.ndarray, validation: np.ndarray, read: np.ndarray, symbols: int, orders: Sequence[int]
) -> dict[int, np.ndarray]:
    """Returns order -> (n,) -log2 P_order of each symbol of `read`, with the m that is best on the validation part."""
    best = {order: best_strength(train, validation, symbols, order) for order in orders}
    return {order: -log_probabilities(train, read, symbols, order, m)[-1] / np.log(2) for order, m in best.items()}
