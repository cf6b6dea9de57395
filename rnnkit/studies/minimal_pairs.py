"""Minimal pairs: after the same words, is the right form more probable than the wrong one? Of two sentences, the right one?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any

import numpy as np
import torch

from rnnkit.analysis.findings import LISTED
from rnnkit.corpus import Corpus, Pairs, ngrams, wilson
from rnnkit.corpus.tokens import unspaced
from rnnkit.engine import bptt
from rnnkit.engine.bptt import Params
from rnnkit.engine.cells import CELLS
from rnnkit.engine.trainer import no_grad_no_denormals
from rnnkit.experiment import Experiment
from rnnkit.studies.lm_bits import COUNTED, ORDERS, TESTED, text_task
from rnnkit.studies.networks import Network, Part, network
from rnnkit.tasks.data import KEPT
from rnnkit.tasks.text_symbols import differing, example_pairs, spelt, unknown
from rnnkit.tasks.texts import NextSymbol

MOST_PAIRS = 2000
MANY_ATTRACTORS = 4  # so many or more are one group
AT_ONCE, NUMBERS = 256, 2**23  # readings, and numbers in the activations of what is read together at most
COUNTING = "five-gram"


def minimal_pairs(e: Experiment, step: int, replica: int = 0, pairs: str = "") -> Iterator[Part]:
    """Network `replica` after `step` training steps on the kept `pairs` of this name, "" the example's: see `compared`.

    Raises ValueError where the pairs are not here, or where a corpus of that name has no verb forms.
    """
    task, found = text_task(e), kept_pairs(pairs)
    for state in network(e, step, replica):
        if not isinstance(state, Network):
            yield {"progress": 0.8 * state}
            continue
        for part in compared(e, task, state.p, found):
            yield part if "progress" in part else part | {"diverged": state.diverged}


def kept_pairs(digest: str) -> Pairs:
    if not digest:
        return example_pairs()
    found = KEPT.get(digest)
    if isinstance(found, Corpus):
        return Pairs.of(found)
    if not isinstance(found, Pairs):
        raise ValueError(f"expected the name of minimal pairs that were given, got {digest!r}: give the file again")
    return found


def compared(e: Experiment, task: NextSymbol, p: Params, pairs: Pairs) -> Iterator[Part]:
    """The first of the networks with these weights on minimal pairs, beside what knows no more than the training text's counts.

    rows: by ("all", "attractors", "known"), group, n, prefixes (n, as the pairs are different ones), who, right (share), low,
    high (Wilson's 95 % interval). who: the network; "five-gram", the counting model (ngrams.py); "frequent-form", the one that
    the training text has more often (a tie is half right); of the example "last-noun", the number of the last noun that has
    one. "known" groups pairs by whether all their words are. pairs: how many were asked, of the `usable` ones; skipped: those
    that differ in a word that is not known, which cannot be compared; missing: some of these words; same: those whose sentences
    are the same to the task; strange: how many asked ones hold another unknown word; known: the share of the symbols of their
    prefixes that are.
    """
    readings = [Reading(task, *item[:2]) for item in pairs.items]
    strange = set(unknown(task, [piece for reading in readings for piece in (*reading.right, *reading.wrong)]))
    missing = [[piece for side in reading.differing for piece in side if piece in strange] for reading in readings]
    same = [not any(reading.differing) for reading in readings]
    usable = [i for i, words in enumerate(missing) if not words and not same[i]]
    items = np.array(usable, np.int64)[:: max(1, -(-len(usable) // MOST_PAIRS))]
    asked = [readings[i] for i in items]
    better = np.zeros(len(items))
    for columns, values in differences(e, p, task, asked):
        better[columns] = values
        yield {"progress": 0.8 + 0.15 * float((better != 0).mean())}
    odd = np.array([any(piece in strange for piece in (*r.right, *r.wrong)) for r in asked], bool)
    attractors = np.array([pairs.items[i].attractors for i in items], np.int64)
    good = {"network": better > 0, COUNTING: counted(task, asked) > 0, "frequent-form": np.sign(frequent(task, asked)) / 2 + 0.5}
    if pairs is example_pairs():  # all its attractors have the other number, and the last noun is one wherever there is any
        good["last-noun"] = attractors == 0
    symbols = [piece for reading in asked for piece in reading.before[0]]
    yield {
        "rows": _rows(_groups(attractors, odd), good),
        "pairs": len(items),
        "usable": len(usable),
        "skipped": len(pairs) - len(usable) - sum(same),
        "same": sum(same),
        "missing": list(dict.fromkeys(piece for words in missing for piece in words))[:LISTED],
        "strange": int(odd.sum()),
        "known": float(np.mean([piece not in strange for piece in symbols])) if symbols else 0.0,
    }


@dataclass
class Reading:
    """One pair in the task's pieces: what stands before and what follows, of the right and of the wrong sentence."""

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


def _groups(attractors: np.ndarray, odd: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
    """(by, group) -> which of the pairs belong to it."""
    groups = {("all", "all"): np.ones(len(odd), bool)}
    if (attractors >= 0).any():
        groups |= {("attractors", str(n)): attractors == n for n in range(MANY_ATTRACTORS)}
        groups["attractors", f"{MANY_ATTRACTORS}+"] = attractors >= MANY_ATTRACTORS
        groups["attractors", "unknown"] = attractors < 0
    if odd.any() and not odd.all():
        groups |= {("known", "all known"): ~odd, ("known", "something not known"): odd}
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
    """(which of the pairs, log P(right form | before) - log P(wrong form | before)), sentences of like length together."""
    prefixes = [[task.known.encode(x) for x in r.before] for r in asked]
    forms = [[task.known.encode(x) for x in r.after] for r in asked]
    order = np.argsort([max(map(len, sides)) for sides in prefixes], kind="stable")
    while len(order):
        longest = max(map(len, prefixes[order[-1]]))
        some = int(np.clip(NUMBERS / (2 * longest * e.hidden * CELLS[e.cell].floats_per_unit), 1, AT_ONCE // 2))
        now, order = order[-some:], order[:-some]
        scores = [log_probabilities(e, p, [prefixes[i][k] for i in now], [forms[i][k] for i in now]) for k in range(2)]
        yield now, scores[0] - scores[1]


def log_probabilities(e: Experiment, p: Params, prefixes: list[np.ndarray], endings: list[np.ndarray]) -> np.ndarray:
    """(N,) sum over the symbols of each ending of log p given its prefix and the symbols before."""
    N, K = len(prefixes), max(map(len, endings))
    starts = np.array([len(x) - 1 for x in prefixes])
    x = np.zeros((starts.max() + K, N), np.int64)  # behind the last symbol that counts stands anything: it is not looked at
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
    """(n,) log P(right form | before) - log P(wrong form | before) by the counting model of the highest order."""
    if not asked:
        return np.zeros(0)
    order, train = ORDERS[COUNTING], task.parts[0][-COUNTED:]
    whole = [task.known.encode(side) for r in asked for side in (r.right, r.wrong)]
    lengths, forms = [len(x) for x in whole], [len(x) for r in asked for x in r.after]
    log_p = ngrams.log_probabilities(train, np.concatenate(whole), task.n_in, order, _strength(task, order), lengths)[-1]
    scores = np.array([log_p[end - n : end].sum() for end, n in zip(np.cumsum(lengths), forms, strict=True)])
    return scores[::2] - scores[1::2]


@lru_cache(maxsize=4)
def _strength(task: NextSymbol, order: int) -> float:
    train, validation, _ = task.parts
    return ngrams.strength(train[-COUNTED:], validation[:TESTED], task.n_in, order)


def frequent(task: NextSymbol, asked: Sequence[Reading]) -> np.ndarray:
    """(n,) how much more often the training text has the right form than the wrong one; 0 where what stands before differs."""
    text = f" {'  '.join(map(str, task.parts[0][-COUNTED:]))} "  # as symbols, so that a form of several is found as well

    @cache
    def count(*form: str) -> int:
        whole = form if task.by_words or unspaced("".join(form)) else (" ", *form)  # not the "is " of "this "
        return text.count(f" {'  '.join(map(str, task.known.encode(whole)))} ")

    return np.array([count(*r.after[0]) - count(*r.after[1]) for r in asked])
