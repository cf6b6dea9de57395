"""The right answers of tasks, from the inputs alone.

ANSWERS[name](x of one sequence) -> (targets, earliest step on which the last one depends).
"""

import numpy as np

from rnnkit.tasks import TASKS
from rnnkit.tasks.agreement import PLURAL, SINGULAR, WORDS

SENTENCES = [name for name in TASKS if name.startswith("agreement")]


def subject_of(words):
    return next(i for i, word in enumerate(words) if word in SINGULAR + PLURAL)


def agreement(x):
    at = subject_of([WORDS[i] for i in x])
    return [int(WORDS[x[at]] in PLURAL)], at


def temporal_order(x):
    marks = np.flatnonzero(x < 2)
    return [sum(int(x[t]) << place for place, t in enumerate(marks))], marks[0]


def adding(x):
    (marks,) = np.nonzero(x[:, 0])
    return [[x[marks, 1].sum() / 2]], marks[0]


def adding_sum(x):
    (marks,) = np.nonzero(x[:, 0])
    return [[x[marks, 1].sum()]], marks[0]


def multiplication(x):
    (marks,) = np.nonzero(x[:, 0])
    return [[x[marks, 1].prod()]], marks[0]


def xor(x):
    marks = np.flatnonzero(x > 1)
    return [int(x[marks[0]] != x[marks[1]])], marks[0]


def parity(x):
    return [int(x[: t + 1].sum()) & 1 for t in range(len(x))], 0


def brackets(x):
    """The kind of the innermost bracket that is open, and where the one stands that is open at the end."""
    answers, stack = [], []
    for t, symbol in enumerate("([)]"[i] for i in x):
        if symbol in "([":
            stack.append((")]"["([".index(symbol)], t))
        else:
            assert stack.pop()[0] == symbol
        answers.append(")]".index(stack[-1][0]))
    return answers, stack[-1][1]


ANSWERS = {name: agreement for name in SENTENCES} | {
    "temporal-order": temporal_order,
    "temporal-order-3": temporal_order,
    "temporal-order-lengths": temporal_order,
    "adding": adding,
    "adding-sum": adding_sum,
    "multiplication": multiplication,
    "permutation": lambda x: (x[:1], 0),
    "memorization": lambda x: (x[:10], 9),
    "copying": lambda x: (np.concatenate([np.full(len(x) - 10, 8), x[:10]]), 9),
    "delay": lambda x: (x[: len(x) - len(x) // 2], len(x) - 1 - len(x) // 2),
    "palindrome": lambda x: (x[:1], 0),
    "latch": lambda x: ([int(x[0, 0] == 1)], 0),
    "xor": xor,
    "parity": parity,
    "brackets": brackets,
}
EVERY_STEP = {"copying", "parity", "brackets"}  # and those that carry their state
