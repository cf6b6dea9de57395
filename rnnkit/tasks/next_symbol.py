"""The next character or the next word of a given text: a language model.

Training reads the first 80 % of the text in as many tracks as the batch has rows, `length` symbols a step, and each step goes on
where the one before ended, with the state that it left: truncated backpropagation through time with the state carried over
(Williams & Peng 1990). Every STATE_RESET_EVERY steps a track begins in the zero state again, as every evaluation does. Without
these resets a network predicts badly from the zero state. The next 10 % are for the accuracy shown while training, the last 10 %
for the final numbers.
There is a target at every step, and the loss is their mean: bits a symbol = loss / log 2.

What does not occur in the training part, or is too rare for the vocabulary, is read as a catch-all symbol (characters.py,
words.py). A model can predict a catch-all, but not which piece of text it stands for. So it counts in the loss like any symbol,
and never as a right answer. `coverage` is the share of the text whose symbols are no catch-alls.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Protocol

import numpy as np

from rnnkit.corpus import Text
from rnnkit.rounding import percent
from rnnkit.tasks.agreement import WORDS, Agreement
from rnnkit.tasks.base import EVALUATION_SIZE, Batch, Task
from rnnkit.tasks.data import STORE, DataStore

STATE_RESET_EVERY = 32  # a track begins in the zero state once in so many training steps
TRAIN, VALIDATION = 0.8, 0.9  # where these parts of the text end
PARTS = ("training", "validation", "test")
MIN_SYMBOLS = 50  # symbols of a text, so that each part has five or more
MIN_RELIABLE_SYMBOLS = 1000  # of the validation part: with fewer an accuracy of 50 % has an interval wider than 47 to 53 %
UNKNOWN = -1  # as a target: what stands there has no symbol of its own, so that no answer is right
VISIBLE_BLANKS = {" ": "␣", "\n": "⏎", "\t": "⇥", "\u00a0": "⍽"}
ENDINGS = ["full", "tired", "happy", "old"]


class Alphabet(Protocol):
    """Different symbols, the catch-alls last, and their indices."""

    @property
    def symbols(self) -> Sequence[str]: ...
    def __len__(self) -> int: ...
    def encode(self, pieces: Sequence[str], /) -> np.ndarray: ...
    def decode(self, x: np.ndarray, /) -> list[str]: ...


class NextSymbol(Task):
    """See the module. Without a text: the example."""

    data, carries_state, finite = "text", True, False
    min_length = 3
    evidence_name, end_name = "first symbol of the window", "last symbol"
    unit: str
    catch_alls: int  # the last symbols, which stand for all unknown ones
    max_symbols: int  # with a symbol of their own at most, beside the catch-alls

    def __init__(self, text: Text | None = None, vocabulary: int = 2000) -> None:
        self._text, self.vocabulary = text, vocabulary
        self.title = f"next {self.unit} of a text"
        self.about = (
            f"Which {self.unit} comes next? A language model: it reads on and on, and keeps its state from window to window."
        )

    def pieces(self, text: Text) -> Sequence[str]:
        """Returns the text as pieces, one for each symbol."""
        raise NotImplementedError

    def alphabet(self, pieces: Sequence[str]) -> Alphabet:
        """Returns the alphabet of these pieces, those of the training part."""
        raise NotImplementedError

    def with_data(self, digest: str, vocabulary: int, store: DataStore = STORE) -> Task:
        text = store.get(digest) if digest else example_text()
        if not isinstance(text, Text):
            raise KeyError(digest)
        if (n := len(self.pieces(text))) < MIN_SYMBOLS:
            hint = "; if it puts no spaces between words, learn its characters" if self.by_words else ""
            raise ValueError(f"expected a text of at least {MIN_SYMBOLS} {self.unit}s, {text.name} has {n}{hint}")
        return text.prepared((type(self), vocabulary), lambda: type(self)(text, vocabulary))

    @cached_property
    def text(self) -> Text:
        return self._text or example_text()

    @cached_property
    def known(self) -> Alphabet:
        pieces = self.pieces(self.text)
        return self.alphabet(pieces[: int(TRAIN * len(pieces))])

    @cached_property
    def parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Symbols of the training, validation and test part."""
        symbols = self.known.encode(self.pieces(self.text))
        train, validation, test = np.split(symbols, [int(share * len(symbols)) for share in (TRAIN, VALIDATION)])
        return train, validation, test

    @cached_property
    def named(self) -> int:
        """Number of symbols that stand for one piece of text each. The others, up to n_out, are catch-alls."""
        return len(self.known) - self.catch_alls

    @cached_property
    def coverage(self) -> dict[str, float]:
        """Part -> share of its symbols, 0 to 1, that are no catch-alls. Each occurrence counts."""
        return {name: float((part < self.named).mean()) for name, part in zip(PARTS, self.parts, strict=True)}

    def remarks(self, length: int) -> list[str]:
        """Returns sentences on how far results on this text can be trusted, read in windows of `length` symbols."""
        known, n, unit = self.coverage, len(self.parts[1]), self.unit
        sentences = [
            f"Known: {percent(known['training'], 1)} of the {unit}s of the training part, {percent(known['test'], 1)} of the "
            f"test part: {self.named:,} different ones. At most the {self.max_symbols:,} most frequent of the training part are "
            "told apart."
        ]
        if n <= length:
            short = f"The validation part has {n:,} {unit}s, fewer than one window of {length:,}: it is read more than once."
            sentences.append(short)
        if n < MIN_RELIABLE_SYMBOLS:
            sentences.append(f"The accuracy while training is measured on only {n:,} {unit}s: a few more or fewer right move it.")
        return sentences

    @property
    def samples(self) -> str:  # type: ignore[override]
        """What the accuracy while training counts: symbols of the validation part, with the known share where it is below 1."""
        known = self.coverage["validation"]
        return f"{self.unit}s" if known == 1 else f"{self.unit}s ({percent(known, 1)} of them known)"

    @cached_property
    def n_in(self) -> int:  # type: ignore[override]
        return len(self.known)

    @property
    def n_out(self) -> int:  # type: ignore[override]
        return self.n_in

    @cached_property
    def shares(self) -> np.ndarray:
        """Relative frequencies of the symbols in the training part, (O,)."""
        train = self.parts[0]
        return np.bincount(train, minlength=self.n_out) / len(train)

    @property
    def chance(self) -> float:
        return float(self.shares[: self.named].max(initial=0))

    @property
    def guess_loss(self) -> float:
        """Entropy of the symbols' frequencies in nats: -sum p log p."""
        p = self.shares[self.shares > 0]
        return float(-(p * np.log(p)).sum())

    @property
    def squared_guess_loss(self) -> float:
        return float((self.shares * (1 - self.shares)).mean())

    def n_targets(self, length: int) -> int:
        return length

    def sample(self, length: int, n: int, rng: np.random.Generator) -> Batch:
        train = self.parts[0]
        return _windows(train, rng.integers(0, len(train), n), length)

    def stream(self, length: int, batch: int, rng: np.random.Generator) -> Iterator[Batch]:
        """Yields windows of `batch` tracks, which wrap around at the end of the part. Each network has random starts."""
        train = self.parts[0]
        starts = np.arange(batch) * len(train) // batch + rng.integers(len(train))
        while True:
            yield _windows(train, starts, length)
            starts = starts + length

    def evaluation_batch(self, length: int, rng: np.random.Generator) -> Batch:
        """Returns windows of the validation part, each read from the zero state. Targets that are catch-alls are UNKNOWN."""
        part, n = self.parts[1], self.evaluation_size(length)
        batch = _windows(part, np.arange(n) * max(1, len(part) - length) // n, length)
        return Batch(batch.x, np.where(batch.y < self.named, batch.y, UNKNOWN))

    def evaluation_size(self, length: int) -> int:
        return min(EVALUATION_SIZE, max(1, (len(self.parts[1]) - 1) // length))

    def draw(self, length: int, n: int, rng: np.random.Generator, held_out: bool) -> Batch:
        part = self.parts[held_out]
        return _windows(part, rng.integers(0, len(part), n), length)

    def labels(self, x: np.ndarray) -> list[str]:
        return [axis_label(symbol) for symbol in self.known.decode(x)]

    def answer(self, y: np.ndarray) -> str:
        return self.labels(y[-1:])[0]


def axis_label(symbol: str) -> str:
    """Returns a symbol as a label of an axis: a sign for a blank, a circle under a combining accent."""
    alone = len(symbol) == 1 and unicodedata.combining(symbol)
    return f"◌{symbol}" if alone else VISIBLE_BLANKS.get(symbol, symbol)


def _windows(symbols: np.ndarray, starts: np.ndarray, length: int) -> Batch:
    """Returns x (length, N) from each start on, wrapping around, and as y the symbol after each."""
    at = (np.arange(length)[:, None] + starts) % len(symbols)
    return Batch(symbols[at], symbols[(at + 1) % len(symbols)])


@lru_cache(maxsize=1)
def example_text() -> Text:
    """Returns the text of a task without data: completed sentences of the agreement task."""
    rng = np.random.default_rng(0)
    task = Agreement(varying=True, attractors=0.5)
    sentences = []
    for length in rng.integers(7, 15, 3000):
        batch = task.sample(int(length), 1, rng)
        words = " ".join(WORDS[i] for i in batch.x[:, 0]).replace(" ,", ",")
        sentences.append(f"{words} {task.answer(batch.y[:, 0])} {rng.choice(ENDINGS)}.")
    return Text("example text", "\n".join(sentences))
