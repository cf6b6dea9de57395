"""Agreement in given sentences: the words before a verb, and whether the verb is singular or plural.

The sentences have different lengths and are aligned at the verb. A longer one than `length` loses its first words. Which part a
sentence belongs to, training, validation (the accuracy shown while training) or test (the tables at the end), the corpus says;
else a hash decides, of its source or of its words, for 80, 10 and 10 %. One class may be much more frequent than the other; from
UNBALANCED on each sentence's loss is weighted with N / (2 n) of its class, so that both count the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, lru_cache

import numpy as np

from rnnkit.corpus import TEST, TRAIN, VALIDATION, Corpus, Vocabulary, split
from rnnkit.corpus.baselines import BASELINES, predictions
from rnnkit.tasks.agreement import GROUPS, WORDS, Agreement
from rnnkit.tasks.base import EVALUATION_SEED, Batch, Task
from rnnkit.tasks.data import STORE, DataStore

UNBALANCED = 1.5  # so many times as frequent one class may be before the losses are weighted
MAX_EVALUATION_SIZE = 1024  # validation sentences at most
ANSWERS = ("singular", "plural")


class Sentences(Task):
    """See the module. Without a corpus: the example."""

    title = "agreement in sentences from a file"
    about = "Is the verb singular or plural? Sentences from a file, read up to the verb; without a file generated ones."
    n_out = 2
    min_length = 3
    samples, end_name, evidence_name = "sentences", "verb", "first word of a sentence of the usual length"
    data, by_words, padded, time_axis = "corpus", True, True, "words before the verb"

    def __init__(self, corpus: Corpus | None = None, vocabulary: int = 2000) -> None:
        self._corpus, self._vocabulary = corpus, vocabulary

    def with_data(self, digest: str, vocabulary: int, store: DataStore = STORE) -> Task:
        corpus = store.get(digest) if digest else example_corpus()
        if not isinstance(corpus, Corpus):
            raise KeyError(digest)
        return corpus.prepared((type(self), vocabulary), lambda: type(self)(corpus, vocabulary))

    @cached_property
    def corpus(self) -> Corpus:
        return self._corpus or example_corpus()

    @cached_property
    def parts(self) -> np.ndarray:
        """The part of each sentence, (N,)."""
        return split(self.corpus)

    @cached_property
    def known(self) -> Vocabulary:
        return Vocabulary.of([self.corpus.prefixes[i] for i in self.items(TRAIN)], self._vocabulary)

    @cached_property
    def n_in(self) -> int:  # type: ignore[override]
        return len(self.known)

    @cached_property
    def plural(self) -> np.ndarray:
        """The answers, (N,): 0 singular, 1 plural."""
        return np.asarray(self.corpus.plural).astype(np.int64)

    @cached_property
    def encoded(self) -> list[np.ndarray]:
        return [self.known.encode(words) for words in self.corpus.prefixes]

    @cached_property
    def words(self) -> np.ndarray:
        """Number of words of each sentence, (N,)."""
        return np.array([len(words) for words in self.corpus.prefixes])

    def items(self, part: int) -> np.ndarray:
        """Returns the indices of the sentences of one part, (n,)."""
        return np.flatnonzero(self.parts == part)

    @cached_property
    def _share_plural(self) -> float:
        return float(self.plural[self.items(TRAIN)].mean())

    @cached_property
    def class_weights(self) -> np.ndarray | None:
        """Weights of singular and plural in the loss, (2,); None where both are frequent enough."""
        shares = np.array([1 - self._share_plural, self._share_plural])
        return 1 / (2 * shares) if shares.max() > UNBALANCED * shares.min() else None

    def batch(self, items: np.ndarray, length: int) -> Batch:
        """Returns the sentences with these indices: x (length, n), y (1, n)."""
        x = np.zeros((length, len(items)), np.int64)
        for column, item in enumerate(items):
            words = self.encoded[item][-length:]
            x[length - len(words) :, column] = words
        y = self.plural[items]
        weight = None if self.class_weights is None else self.class_weights[y]
        return Batch(x, y[None], np.minimum(self.words[items], length), weight)

    def sample(self, length: int, n: int, rng: np.random.Generator) -> Batch:
        return self.draw(length, n, rng, held_out=False)

    def draw(self, length: int, n: int, rng: np.random.Generator, held_out: bool) -> Batch:
        return self.batch(rng.choice(self.items(VALIDATION if held_out else TRAIN), n), length)

    def stream(self, length: int, batch: int, rng: np.random.Generator) -> Iterator[Batch]:
        """Yields batches without end. Each pass over the training part has every sentence once, in random order."""
        order = self.items(TRAIN)[:0]
        while True:
            while len(order) < batch:
                order = np.append(order, rng.permutation(self.items(TRAIN)))
            yield self.batch(order[:batch], length)
            order = order[batch:]

    def evaluation_items(self, rng: np.random.Generator) -> np.ndarray:
        """Returns the validation sentences of the evaluation batch, (n,) indices, n at most MAX_EVALUATION_SIZE."""
        return rng.permutation(self.items(VALIDATION))[:MAX_EVALUATION_SIZE]

    def evaluation_batch(self, length: int, rng: np.random.Generator) -> Batch:
        return self.batch(self.evaluation_items(rng), length)

    def evaluation_size(self, length: int) -> int:
        """Returns the number of different sentences of the evaluation batch: a repeated one adds no information."""
        return self._different

    @cached_property
    def _different(self) -> int:
        return len({self.corpus.prefixes[i] for i in self.evaluation_items(np.random.default_rng(EVALUATION_SEED))})

    def baselines(self, length: int) -> dict[str, float]:
        """Returns the accuracies of the baselines of rnnkit.corpus, which read whole sentences. "chance" is the majority."""
        items = self.evaluation_items(np.random.default_rng(EVALUATION_SEED))
        names = {name: "chance" if name == "majority" else baseline.title for name, baseline in BASELINES.items()}
        guesses = predictions(self.corpus, items)
        return {names[name]: float((plural == self.plural[items]).mean()) for name, plural in guesses.items()}

    @property
    def chance(self) -> float:
        return max(self._share_plural, 1 - self._share_plural)

    @property
    def guess_loss(self) -> float:
        """Entropy of the classes in nats; log 2 where weights make them count the same."""
        p = np.array([self._share_plural, 1 - self._share_plural])
        return float(np.log(2)) if self.class_weights is not None else float(-(p * np.log(p)).sum())

    @property
    def squared_guess_loss(self) -> float:
        p = self._share_plural
        return 0.25 if self.class_weights is not None else p * (1 - p)

    def evidence_step(self, length: int) -> int:
        """Returns the step at which a sentence of the median length begins."""
        return max(0, length - int(np.median(self.words)))

    def cut_text(self, length: int) -> str:
        longer = int((self.words > length).sum())
        one = "1 sentence is longer than" if longer == 1 else f"{longer:,} sentences are longer than"
        return f"{one} {length} words and {'loses its' if longer == 1 else 'lose their'} first ones." if longer else ""

    def labels(self, x: np.ndarray) -> list[str]:
        return self.known.decode(x)

    def example(self, length: int) -> Batch:
        """Returns a long validation sentence: one in twenty is at least as long."""
        items = self.items(VALIDATION)
        by_length = items[np.argsort(-np.minimum(self.words[items], length), kind="stable")]
        return self.batch(by_length[len(items) // 20 :][:1], length)

    def answer(self, y: np.ndarray) -> str:
        return ANSWERS[int(y[-1])]


def known_words(task: Sentences) -> dict[str, float]:
    """Returns the share of the words of "train" and of "test" that the vocabulary holds, 0 to 1. Each occurrence counts."""
    parts = {"train": TRAIN, "test": TEST}
    return {name: task.known.coverage([task.corpus.prefixes[i] for i in task.items(part)]) for name, part in parts.items()}


@lru_cache(maxsize=1)
def example_corpus() -> Corpus:
    """Returns the corpus of a task without data: agreement sentences of 7 to 20 words with moving subjects and attractors."""
    rng = np.random.default_rng(0)
    task = Agreement(varying=True, attractors=0.5)
    prefixes, plurals, attractors, distances = [], [], [], []
    for length in range(7, 21):
        batch = task.sample(length, 200, rng)
        for x, plural in zip(batch.x.T, batch.y[0], strict=True):
            numbers = np.flatnonzero(np.isin(x, np.concatenate([GROUPS["singular"], GROUPS["plural"]])))
            prefixes.append(tuple(WORDS[i] for i in x))
            plurals.append(bool(plural))
            attractors.append(int((np.isin(x[numbers], GROUPS["plural"]) != plural).sum()))
            distances.append(length - int(numbers[0]))
    numbers_known = (np.array(attractors, np.int16), np.array(distances, np.int16))
    return Corpus("example sentences", "example", tuple(prefixes), np.array(plurals), *numbers_known, forms=(), notes=())
