"""Does a language model agree? After the same words, is the right form of the verb more probable than the wrong one?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from rnnkit import bptt
from rnnkit.bptt import Params
from rnnkit.cells import CELLS
from rnnkit.corpus import BASELINES, Corpus, results
from rnnkit.experiment import Experiment
from rnnkit.prose import continued, example_pairs, spelt, unknown
from rnnkit.studies.networks import Network, Part, network
from rnnkit.studies.next_symbol import text_task
from rnnkit.tasks.data import KEPT
from rnnkit.tasks.texts import NextSymbol
from rnnkit.trainer import quietly

MOST_PAIRS = 2000
AT_ONCE, NUMBERS = 256, 2**23  # readings, and numbers in the activations of what is read together at most


def minimal_pairs(e: Experiment, step: int, replica: int = 0, pairs: str = "") -> Iterator[Part]:
    """Network `replica` after `step` training steps on the pairs of the corpus `pairs`, "" the example's (prose.example_pairs).

    rows: as corpus.results gives them, of the network, of "majority" (here: the form that the training text has more often) and
    of the last noun; pairs: how many were asked; skipped: those with a form that is not in the vocabulary; known: the share of
    the prefixes' symbols that are. Raises ValueError where the corpus has no verb forms, or is not here.
    """
    task, corpus = text_task(e), pair_corpus(pairs)
    for state in network(e, step, replica):
        if not isinstance(state, Network):
            yield {"progress": 0.8 * state}
            continue
        usable = [i for i, forms in enumerate(corpus.forms) if not any(unknown(task, spelt(task, form)) for form in forms)]
        items = np.array(usable, np.int64)[:: max(1, -(-len(usable) // MOST_PAIRS))]
        better = np.zeros(len(items))
        for columns, values in differences(e, state.p, task, corpus, items):
            better[columns] = values
            yield {"progress": 0.8 + 0.2 * float((better != 0).mean())}
        plural = corpus.plural[items]
        predicted = {"network": (better > 0) == plural, "majority": frequent(task, corpus, items)}
        prefixes = [corpus.prefixes[i] for i in items]
        predicted["last-noun"] = BASELINES["last-noun"].fit(corpus.prefixes, corpus.plural)(prefixes)
        symbols = [s for words in prefixes for s in continued(task, words)]
        strange = set(unknown(task, symbols))
        yield {
            "rows": results(corpus, items, predicted),
            "pairs": len(items),
            "skipped": len(corpus) - len(usable),
            "known": float(np.mean([s not in strange for s in symbols])) if symbols else 0.0,
            "diverged": state.diverged,
        }


def pair_corpus(digest: str) -> Corpus:
    if not digest:
        return example_pairs()
    corpus = KEPT.get(digest)
    if not isinstance(corpus, Corpus):
        raise ValueError(f"expected the name of sentences that were given, got {digest!r}: give the file again")
    if not corpus.forms:
        raise ValueError(f"{corpus.name} has no verb forms: expected a right and a wrong one for every sentence")
    return corpus


def differences(
    e: Experiment, p: Params, task: NextSymbol, corpus: Corpus, items: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(which of the items, log P(right | prefix) - log P(wrong | prefix)), sentences of like length together."""
    prefixes = [task.known.encode(continued(task, corpus.prefixes[i])) for i in items]
    forms = [[task.known.encode(spelt(task, form)) for form in corpus.forms[i]] for i in items]
    order = np.argsort([len(x) for x in prefixes], kind="stable")
    while len(order):
        longest = len(prefixes[order[-1]])
        some = int(np.clip(NUMBERS / (2 * longest * e.hidden * CELLS[e.cell].numbers), 1, AT_ONCE // 2))
        now, order = order[-some:], order[:-some]
        scores = [log_probabilities(e, p, [prefixes[i] for i in now], [forms[i][k] for i in now]) for k in range(2)]
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
    with quietly():
        h = bptt.forward(CELLS[e.cell], p, torch.from_numpy(x)[:, None]).h[:, 0]
        h = h[torch.from_numpy(np.minimum(starts + np.arange(K)[:, None], len(x) - 1)), torch.arange(N)]
        log_p: Any = bptt.readout(p, h[:, None])[:, 0].log_softmax(-1).gather(-1, torch.from_numpy(y)[..., None])[..., 0]
        return (log_p.double().numpy() * counts).sum(0)


def frequent(task: NextSymbol, corpus: Corpus, items: np.ndarray) -> np.ndarray:
    """(n,) whether the form that stands more often in the training text is the plural one; not where both are as frequent."""
    train = task.parts[0]
    text = f" {' '.join(map(str, train))} "  # as symbols, so that a form of several is found as well

    def count(form: str) -> int:
        whole = spelt(task, form) if task.by_words else [" ", *spelt(task, form)]  # not the "is " of "this "
        return text.count(f" {' '.join(map(str, task.known.encode(whole)))} ")

    counts = {form: count(form) for form in {form for i in items for form in corpus.forms[i]}}
    right = np.array([counts[corpus.forms[i][0]] - counts[corpus.forms[i][1]] for i in items])
    return np.where(corpus.plural[items], right > 0, right < 0)
