"""Long-range agreement: "The cat, which already ate ..., was" / "The cats, which already ate ..., were".

    [adverbs] the SUBJECT , which FILLER ,   ->   was | were

The subject is singular or plural with equal chance. The filler comes from a small Markov grammar over word classes and is
conditioned to have exactly the number of words that is left: at each word the grammar's probability of the next class is
weighted by the probability of ending in time from there (`_endings`). Its nouns are mass nouns (milk), which have no
number, or with probability `attractors` count nouns whose number is independent of the subject's: were it always the
opposite, inverting the attractor would be enough. Without attractors "was any plural seen?" is enough, whatever the order.
A simplification of English: past tense and number-neutral determiners everywhere, so that nothing else shows the number.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from rnnkit.tasks.base import BLOCK_SYMBOLS, EVALUATION_SEED, EVALUATION_SIZE, Batch, Classes

SINGULAR = "cat dog bird horse farmer doctor child king sailor guest".split()
PLURAL = "cats dogs birds horses farmers doctors children kings sailors guests".split()
VOCABULARY = {
    "frame": ["the", "which", ","],
    "singular": SINGULAR,
    "plural": PLURAL,
    "mass": "milk rice bread fish soup honey".split(),
    "verb": "ate saw liked found carried".split(),
    "adverb": "already often quietly once recently".split(),
    "adjective": "fresh old warm good".split(),
    "determiner": "my some".split(),
    "preposition": "near with without".split(),
    "conjunction": "and then".split(),
}
WORDS = [word for group in VOCABULARY.values() for word in group]
GROUPS = {name: np.array([WORDS.index(word) for word in group]) for name, group in VOCABULARY.items()}

CLASSES = ["adverb", "verb", "determiner", "adjective", "noun", "preposition", "conjunction"]
GRAMMAR = {  # class -> probability of the next one; only a noun may end the clause
    "start": {"adverb": 0.5, "verb": 0.5},
    "adverb": {"verb": 0.8, "adverb": 0.2},
    "verb": {"determiner": 0.5, "adjective": 0.2, "noun": 0.3},
    "determiner": {"adjective": 0.4, "noun": 0.6},
    "adjective": {"noun": 0.8, "adjective": 0.2},
    "noun": {"preposition": 0.5, "conjunction": 0.5},
    "preposition": {"determiner": 0.5, "noun": 0.5},
    "conjunction": {"adverb": 0.4, "verb": 0.6},
}
_START, _NOUN = len(CLASSES), CLASSES.index("noun")
_STEP = np.array([[GRAMMAR[a].get(b, 0.0) for b in CLASSES] for a in [*CLASSES, "start"]])


@lru_cache(maxsize=64)
def _endings(words: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns P(next class | class before, words left with this one, the last word is a noun), ready to draw from.

    No class has more than three successors: cuts (2, words + 1, 8) on the unit interval between them, and their numbers
    (words + 1, 8, 3).
    """
    ends = np.zeros((words + 1, len(CLASSES)))  # P(the clause ends in time | class, words left after it), up to a factor
    ends[0, CLASSES.index("noun")] = 1
    cuts = np.full((2, words + 1, len(CLASSES) + 1), 2.0)  # never reached
    successors = np.zeros((words + 1, len(CLASSES) + 1, 3), np.int64)
    for left in range(1, words + 1):
        weighted = _STEP * ends[left - 1]
        total = weighted.sum(1, keepdims=True)
        cdf = np.cumsum(weighted / np.where(total > 0, total, 1), axis=1)
        for state, row in enumerate(weighted):
            possible = np.flatnonzero(row)
            successors[left, state, : len(possible)] = possible
            inner = possible[:-1]
            cuts[: len(inner), left, state] = cdf[state, inner]
        ends[left] = total[: len(CLASSES), 0] / total.max()  # the factor cancels; without it long clauses underflow
    return cuts, successors


WORDING = {  # (varying, with attractors) -> title, about
    (False, False): (
        "agreement",
        "The verb at the end must agree with the subject at the start: the cat … was, the cats … were.",
    ),
    (True, False): ("agreement, moving subject", "As agreement, but adverbs at the start move the subject about."),
    (False, True): (
        "agreement with attractors",
        "As agreement, but half of the nouns in the clause are singular or plural too, independent of the subject.",
    ),
    (True, True): (
        "agreement, moving subject and attractors",
        "A moving subject, and half of the nouns in the clause are singular or plural too.",
    ),
}


class Agreement(Classes):
    """See the module. `varying`: adverbs before the sentence move the subject; attractors: share of count nouns in the filler."""

    n_in, n_out = len(WORDS), 2
    min_length = 7
    samples, end_name = "sentences", "verb"

    def __init__(self, varying: bool = False, attractors: float = 0.0) -> None:
        self.varying, self.attractors = varying, attractors
        self.title, self.about = WORDING[varying, attractors > 0]
        self.evidence_name = "first place that can hold the subject" if varying else "subject"

    def sample(self, length: int, n: int, rng: np.random.Generator) -> Batch:
        x = np.zeros((length, n), np.int64)
        rows = np.arange(n)
        prefix = rng.integers(0, (length - self.min_length) // 2 + 1, n) if self.varying else 0  # adverbs before the sentence
        plural = rng.integers(0, 2, n)
        subject = np.where(plural, *(rng.choice(GROUPS[g], n) for g in ("plural", "singular")))
        words = length - 5 - prefix  # of the filler
        (first, second), successors = _endings(length - 5)
        state, u = np.full(n, _START), np.empty(n)
        for t in range(length - 1):
            place = t - prefix  # 0 the, 1 subject, 2 comma, 3 which, then the filler
            rng.random(out=u)  # as many numbers at each place, whatever it holds
            if t >= 4:
                left = words - (place - 4)  # of the filler, this word included
                row = np.minimum(left, length - 5) * (len(CLASSES) + 1) + state
                over = (u >= first.take(row)).view(np.int8) + (u >= second.take(row)).view(np.int8)
                step = successors.take(3 * row + over)
                state = np.where(place >= 4, step, state) if self.varying else step
            x[t] = self._word(state, rng, u)
            if self.varying:
                adverbs = rng.choice(GROUPS["adverb"], n)
                np.copyto(x[t], adverbs, where=place < 0)
        for at, word in enumerate(["the", None, ",", "which"]):
            x[prefix + at, rows] = subject if word is None else WORDS.index(word)
        x[-1] = WORDS.index(",")
        return Batch(x, plural[None])

    def _word(self, kind: np.ndarray, rng: np.random.Generator, u: np.ndarray) -> np.ndarray:
        """Draws a word of each class (N,), and overwrites u (N,)."""
        if self.attractors:
            swap = (kind == _NOUN) & (rng.random(out=u) < self.attractors)
            kind = np.where(swap, len(CLASSES) + rng.integers(1, 3, len(kind)), kind)
        rng.random(out=u)
        u *= _SIZES.take(kind)
        return _ALL.take(_FIRST.take(kind) + u.astype(np.int64))

    def baselines(self, length: int) -> dict[str, float]:
        """Returns, with attractors, also the best accuracy of a bag of words, which answers the number that most nouns have.

        Of p plural and s singular nouns each is as likely the subject, so P(plural | bag) = p / (p + s), and the accuracy is
        E[max(p, s) / (p + s)], a mean over drawn sentences. Without attractors the only noun with a number is the subject, so a
        bag of words is always right.
        """
        if not self.attractors:
            return super().baselines(length)
        n = max(EVALUATION_SIZE, min(8192, BLOCK_SYMBOLS * 4 // length))
        x = self.sample(length, n, np.random.default_rng(EVALUATION_SEED)).x
        p, s = (np.isin(x, GROUPS[number]).sum(0) for number in ("plural", "singular"))
        return super().baselines(length) | {"bag of words": float((np.maximum(p, s) / (p + s)).mean())}

    def evidence_step(self, length: int) -> int:
        return 1

    def landmarks(self, x: np.ndarray) -> list[int]:
        return np.flatnonzero(np.isin(x, np.concatenate([GROUPS["singular"], GROUPS["plural"]])))[:1].tolist()  # the subject

    def versions(self, batch: Batch) -> dict[str, Batch]:
        """Returns the same sentence with its subject in singular and in plural."""
        (subject,) = self.landmarks(batch.x[:, 0])
        found = {}
        for answer, number in enumerate(("singular", "plural")):
            x = batch.x.copy()
            noun = next(i for g in ("singular", "plural") for i, word in enumerate(GROUPS[g]) if word == x[subject, 0])
            x[subject] = GROUPS[number][noun]
            found[number] = Batch(x, np.full_like(batch.y, answer))
        return found

    def labels(self, x: np.ndarray) -> list[str]:
        return [WORDS[i] for i in x]

    def answer(self, y: np.ndarray) -> str:
        return ("was", "were")[int(y[-1])]


_KINDS = [*(GROUPS.get(c, GROUPS["mass"]) for c in CLASSES), GROUPS["mass"], GROUPS["singular"], GROUPS["plural"]]
_SIZES = np.array([len(k) for k in _KINDS], np.float64)
_FIRST = np.cumsum([0, *map(len, _KINDS[:-1])])
_ALL = np.concatenate(_KINDS)
