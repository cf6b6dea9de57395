"""Minimal pairs: the share in which the right form, or the right sentence, is more probable than the wrong one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch

from rnnkit.analysis.lm_summary import MAX_LISTED
from rnnkit.corpus import Corpus, Pairs, ngrams, wilson
from rnnkit.corpus.tokens import unspaced
from rnnkit.engine import bptt
from rnnkit.engine.bptt import Params
from rnnkit.engine.cells import CELLS
from rnnkit.engine.denormals import no_grad_no_denormals
from rnnkit.experiment import Experiment
from rnnkit.results import Progress
from rnnkit.results.minimal_pairs import MinimalPairs
from rnnkit.studies.lm_bits import MAX_COUNTED_SYMBOLS, MAX_TEST_SYMBOLS, ORDERS, text_task
from rnnkit.studies.networks import network
from rnnkit.tasks.data import STORE
from rnnkit.tasks.next_symbol import NextSymbol
from rnnkit.tasks.text_symbols import differing, example_pairs, spelt, unknown

MAX_PAIRS = 2000
MANY_ATTRACTORS = 4  # so many or more are one group
MAX_PARADIGMS = 100  # groups by UID; BLiMP has 67
MAX_READINGS, MAX_ACTIVATIONS = 256, 2**23  # readings, and numbers in the activations of what is read together at most
COUNTING = "five-gram"


def study(e: Experiment, step: int, replica: int = 0, pairs: str = "") -> Iterator[Progress | MinimalPairs]:
    """Evaluates network `replica` after `step` training steps on the stored `pairs` of this digest, "" the example's.

    Raises ValueError where the pairs are not stored, or where a corpus of that name has no verb forms.
    """
    task, found = text_task(e), stored_pairs(pairs)
    p, diverged = yield from network(e, step, replica, share=0.8)
    for part in compared(e, task, p, found):
        yield replace(part, diverged=diverged) if isinstance(part, MinimalPairs) else part


def stored_pairs(digest: str) -> Pairs:
    """Returns the pairs of this digest, those of the example for "". Raises ValueError where they are not stored."""
    if not digest:
        return example_pairs()
    found = STORE.get(digest) if digest in STORE else None
    if isinstance(found, Corpus):
        return Pairs.of(found)
    if not isinstance(found, Pairs):
        raise ValueError(f"expected the name of minimal pairs that were given, got {digest!r}: give the file again")
    return found


def compared(e: Experiment, task: NextSymbol, p: Params, pairs: Pairs) -> Iterator[Progress | MinimalPairs]:
    """Evaluates the first network of these weights on minimal pairs, beside models of the training text's counts."""
    readings = [Reading(task, *item[:2]) for item in pairs.items]
    strange = set(unknown(task, [piece for reading in readings for piece in (*reading.right, *reading.wrong)]))
    missing = [[piece for side in reading.differing for piece in side if piece in strange] for reading in readings]
    same = [not any(reading.differing) for reading in readings]
    usable = [i for i, words in enumerate(missing) if not words and not same[i]]
    items = np.array(usable, np.int64)[:: max(1, -(-len(usable) // MAX_PAIRS))]
    asked = [readings[i] for i in items]
    better = np.zeros(len(items))
    for columns, values in differences(e, p, task, asked):
        better[columns] = values
        yield Progress(0.8 + 0.15 * float((better != 0).mean()))
    odd = np.array([any(piece in strange for piece in (*r.right, *r.wrong)) for r in asked], bool)
    attractors = np.array([pairs.items[i].attractors for i in items], np.int64)
    uids = np.array([pairs.items[i].uid for i in items], object)
    good = {"network": better > 0, COUNTING: counted(task, asked) > 0, "frequent-form": np.sign(frequent(task, asked)) / 2 + 0.5}
    if pairs is example_pairs():  # all its attractors have the other number, and the last noun is one wherever there is any
        good["last-noun"] = attractors == 0
    symbols = [piece for reading in asked for piece in reading.before[0]]
    yield MinimalPairs(
        rows=_rows(_groups(attractors, odd, uids), good),
        pairs=len(items),
        usable=len(usable),
        skipped=len(pairs) - len(usable) - sum(same),
        same=sum(same),
        missing=list(dict.fromkeys(piece for words in missing for piece in words))[:MAX_LISTED],
        strange=int(odd.sum()),
        known=float(np.mean([piece not in strange for piece in symbols])) if symbols else 0.0,
    )


@dataclass
class Reading:
    """One pair in the task's pieces: those before the form and those of the form, of the right and of the wrong sentence."""

    task: NextSymbol
    texts_before: tuple[str, str]
    texts_after: tuple[str, str]

    @cached_property
    def _spelt(self) -> list[tuple[list[str], list[str]]]:
        return [spelt(self.task, *texts) for texts in zip(self.texts_before, self.texts_after, strict=True)]

    @property
    def before(self) -> list[list[str]]:
        return [side[0] for side in self._spelt]

    @property
    def after(self) -> list[list[str]]:
        return [side[1] for side in self._spelt]

    @property
    def right(self) -> list[str]:
        return self.before[0] + self.after[0]

    @property
    def wrong(self) -> list[str]:
        return self.before[1] + self.after[1]

    @property
    def differing(self) -> tuple[Sequence[str], Sequence[str]]:
        return differing(self.right, self.wrong)


def _groups(attractors: np.ndarray, odd: np.ndarray, uids: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
    """Returns (by, group) -> mask of its pairs, (n,) bool."""
    groups = {("all", "all"): np.ones(len(odd), bool)}
    if (attractors >= 0).any():
        groups |= {("attractors", str(n)): attractors == n for n in range(MANY_ATTRACTORS)}
        groups["attractors", f"{MANY_ATTRACTORS}+"] = attractors >= MANY_ATTRACTORS
        groups["attractors", "unknown"] = attractors < 0
    if odd.any() and not odd.all():
        groups |= {("known", "all known"): ~odd, ("known", "something not known"): odd}
    most = {uid for uid, _ in Counter(filter(None, uids)).most_common(MAX_PARADIGMS)}
    groups |= {("paradigm", uid): uids == uid for uid in dict.fromkeys(uids) if uid in most}
    return {group: mask for group, mask in groups.items() if mask.any()}


def _rows(groups: dict[tuple[str, str], np.ndarray], good: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    rows = []
    for (by, group), mask in groups.items():
        n = int(mask.sum())
        for who, values in good.items():
            right = float(values[mask].mean())
            low, high = wilson(right * n, n)
            counted = {"by": by, "group": group, "n": n, "prefixes": n}
            rows.append(counted | {"who": who, "right": right, "low": low, "high": high})
    return rows


def differences(e: Experiment, p: Params, task: NextSymbol, asked: Sequence[Reading]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields indices of pairs of similar length and their log P(right form | before) - log P(wrong form | before)."""
    prefixes = [[task.known.encode(x) for x in r.before] for r in asked]
    forms = [[task.known.encode(x) for x in r.after] for r in asked]
    order = np.argsort([max(map(len, sides)) for sides in prefixes], kind="stable")
    while len(order):
        longest = max(map(len, prefixes[order[-1]]))
        some = int(np.clip(MAX_ACTIVATIONS / (2 * longest * e.hidden * CELLS[e.cell].floats_per_unit), 1, MAX_READINGS // 2))
        now, order = order[-some:], order[:-some]
        scores = [log_probabilities(e, p, [prefixes[i][k] for i in now], [forms[i][k] for i in now]) for k in range(2)]
        yield now, scores[0] - scores[1]


def log_probabilities(e: Experiment, p: Params, prefixes: list[np.ndarray], endings: list[np.ndarray]) -> np.ndarray:
    """Returns the sum of log p over the symbols of each ending, given its prefix and the symbols before: (N,), nats."""
    N, K = len(prefixes), max(map(len, endings))
    starts = np.array([len(x) - 1 for x in prefixes])
    x = np.zeros((starts.max() + K, N), np.int64)  # the symbols after the last that counts are not read
    y, counts = np.zeros((K, N), np.int64), np.zeros((K, N))
    for column, (prefix, ending) in enumerate(zip(prefixes, endings, strict=True)):
        whole = np.concatenate([prefix, ending[:-1]])
        x[: len(whole), column], y[: len(ending), column], counts[: len(ending), column] = whole, ending, 1
    with no_grad_no_denormals():
        h = bptt.forward(CELLS[e.cell], p, torch.from_numpy(x)[:, None]).h[:, 0]
        h = h[torch.from_numpy(np.minimum(starts + np.arange(K)[:, None], len(x) - 1)), torch.arange(N)]
        log_p: Any = bptt.readout(p, h[:, None])[:, 0].log_softmax(-1).gather(-1, torch.from_numpy(y)[..., None])[..., 0]
        return (log_p.double().numpy() * counts).sum(0)


def counted(task: NextSymbol, asked: Sequence[Reading]) -> np.ndarray:
    """Returns log P(right form | before) - log P(wrong form | before), (n,), by the counting model of the highest order."""
    if not asked:
        return np.zeros(0)
    order, train = ORDERS[COUNTING], task.parts[0][-MAX_COUNTED_SYMBOLS:]
    whole = [task.known.encode(side) for r in asked for side in (r.right, r.wrong)]
    lengths, forms = [len(x) for x in whole], [len(x) for r in asked for x in r.after]
    log_p = ngrams.log_probabilities(train, np.concatenate(whole), task.n_in, order, _strength(task, order), lengths)[-1]
    scores = np.array([log_p[end - n : end].sum() for end, n in zip(np.cumsum(lengths), forms, strict=True)])
    return scores[::2] - scores[1::2]


STRENGTHS: WeakKeyDictionary[NextSymbol, dict[int, float]] = WeakKeyDictionary()  # by order; freed with the task


def _strength(task: NextSymbol, order: int) -> float:
    known = STRENGTHS.setdefault(task, {})
    if order not in known:
        train, validation, _ = task.parts
        known[order] = ngrams.best_strength(train[-MAX_COUNTED_SYMBOLS:], validation[:MAX_TEST_SYMBOLS], task.n_in, order)
    return known[order]


def frequent(task: NextSymbol, asked: Sequence[Reading]) -> np.ndarray:
    """Returns the right form's count in the training text minus the wrong form's, (n,); 0 where pairs differ before the form."""
    train = task.parts[0][-MAX_COUNTED_SYMBOLS:]
    text = f" {'  '.join(map(str, train))} "  # as symbols, so that a form of several is found as well

    @cache
    def count(*form: str) -> int:
        whole = form if task.by_words or unspaced("".join(form)) else (" ", *form)  # not the "is " of "this "
        return text.count(f" {'  '.join(map(str, task.known.encode(whole)))} ")

    return np.array([count(*r.after[0]) - count(*r.after[1]) for r in asked])
