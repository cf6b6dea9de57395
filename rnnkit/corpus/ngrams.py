"""Language models that only count: the baselines beside a network. numpy alone.

    P_1(b) = (c(b) + 1) / (N + V)                                        unigram, add one
    P_n(b | context) = (c(context b) + m P_{n-1}(b | shorter)) / (c(context) + m)

c counts in the training part; `shorter` is the context of n - 1 symbols without its first. A context that was rarely seen leaves
the word to the shorter one (interpolation with a Dirichlet prior: MacKay & Peto 1995). m is chosen on the validation part.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

STRENGTHS = (0.1, 0.5, 2.0, 10.0, 50.0)  # m that are tried


def log_probabilities(
    train: np.ndarray, read: np.ndarray, symbols: int, order: int, m: float, lengths: Sequence[int] = ()
) -> np.ndarray:
    """(orders, n) log P_1 ... log P_order of the n symbols of `read`, each given those before it; both (.,) ints below `symbols`.

    At the start of `read` the context is as long as it can be; likewise at the start of each of several readings of these
    `lengths`, one behind the other.
    """
    counts = np.bincount(train, minlength=symbols)
    p = [(counts[read] + 1) / (len(train) + symbols)]
    both = np.concatenate([train, read]).astype(np.int64)
    split = len(train)
    context = np.zeros(len(both), np.int64)  # the name of the n - 1 symbols before each place
    inside = np.concatenate([np.arange(n) for n in (split, *(lengths or [len(read)]))])  # how many symbols stand before it
    for n in range(2, order + 1):
        before = np.concatenate([[0], both[:-1]])
        if n > 2:  # the context of the place before, and the symbol there
            before = np.concatenate([[0], context[:-1]]) * symbols + before
        context = np.unique(before, return_inverse=True)[1]
        followed = np.unique(context * symbols + both, return_inverse=True)[1]
        whole = inside >= n - 1
        taught = whole[:split]
        seen = np.bincount(context[:split][taught], minlength=context.max() + 1)[context[split:]]
        hits = np.bincount(followed[:split][taught], minlength=followed.max() + 1)[followed[split:]]
        longer = (hits + m * p[-1]) / (seen + m)
        p.append(np.where(whole[split:], longer, p[-1]))
    return np.log(np.stack(p))


def strength(train: np.ndarray, validation: np.ndarray, symbols: int, order: int) -> float:
    """The m of STRENGTHS with which the validation part is the most probable."""
    if order == 1:
        return STRENGTHS[0]  # P_1 has no m
    tried = [-log_probabilities(train, validation, symbols, order, m)[-1].mean() for m in STRENGTHS]
    return STRENGTHS[int(np.argmin(tried))]


def fitted(
    train: np.ndarray, validation: np.ndarray, read: np.ndarray, symbols: int, orders: Sequence[int]
) -> dict[int, np.ndarray]:
    """order -> (n,) -log2 P of each symbol of `read`, each order with the m that is best on the validation part."""
    best = {order: strength(train, validation, symbols, order) for order in orders}
    return {order: -log_probabilities(train, read, symbols, order, m)[-1] / np.log(2) for order, m in best.items()}
