"""The next character or the next word of a text that somebody gives: a language model.

Training reads the first 80 % of the text in as many tracks as the batch has rows, `length` symbols a step, and each step goes on
where the one before ended, with the state that it left: truncated backpropagation through time with the state carried over
(Williams & Peng 1990). Now and then a track begins in the zero state again (STATE_RESET_EVERY), as every later reading does:
else that state becomes foreign to the network, and what it says from there nonsense. The next 10 % are for the accuracy shown
while training, the last 10 % for the final numbers.
There is a target at every step, and the loss is their mean: bits a symbol = loss / log 2.

What does not occur in the training part, or is too rare for the vocabulary, is read as a catch-all symbol: OTHER of characters,
the SHAPES of words. A model can predict that one comes, not what it is: so it counts in the loss as the one symbol that it is,
and never as a right answer. `coverage` is the share of the text that is told apart.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache

import numpy as np

from rnnkit.corpus import SHAPES, Text, Vocabulary
from rnnkit.rounding import percent
from rnnkit.tasks.agreement import WORDS, Agreement
from rnnkit.tasks.base import EXAM, Batch, Task
from rnnkit.tasks.data import KEPT

STATE_RESET_EVERY = 32  # a track begins in the zero state once in so many training steps
TRAIN, VALIDATION = 0.8, 0.9  # where these parts of the text end
PARTS = ("training", "validation", "test")
CHARACTERS = 5000  # told apart at most: more than the Chinese characters of a novel; the rarer ones are one symbol
LEAST = 50  # symbols of a text, so that each part has five or more
FEW = 1000  # symbols of the validation part, below which its accuracy is only roughly known: 50 % then means 47 to 53 %
LEFT_OUT = "<unk>"  # what published corpora (Penn Treebank, WikiText) write for a rare word: not a word to be guessed
UNKNOWN = -1  # as a target: what stands there has no symbol of its own, so that no answer is right
OTHER = "\N{REPLACEMENT CHARACTER}"
SHOWN = {" ": "␣", "\n": "⏎", "\t": "⇥", "\u00a0": "⍽"}
ENDINGS = ["full", "tired", "happy", "old"]


class Characters:
    """The most frequent characters of a text, and one symbol for all others."""

    def __init__(self, characters: list[str]) -> None:
        self.symbols = [*characters, OTHER]
        self.index = {c: i for i, c in enumerate(self.symbols)}

    @classmethod
    def of(cls, text: str) -> Characters:
        counts = Counter(text)
        del counts[OTHER]  # it stands for a character that was lost before
        return cls(sorted(c for c, _ in counts.most_common(CHARACTERS)))

    def __len__(self) -> int:
        return len(self.symbols)

    def encode(self, text: Sequence[str]) -> np.ndarray:
        other = len(self.symbols) - 1
        return np.fromiter((self.index.get(c, other) for c in text), np.int64, len(text))

    def decode(self, x: np.ndarray) -> list[str]:
        return [self.symbols[i] for i in x]


class NextSymbol(Task):
    """See the module. Without a text: the example."""

    data, carries, finite = "text", True, False
    min_length = 3
    source_name, end_name = "first symbol of the window", "last symbol"
    unit: str
    catch_alls: int  # the last symbols, which stand for all that is not known

    def __init__(self, text: Text | None = None, vocabulary: int = 2000) -> None:
        self._text, self._vocabulary = text, vocabulary
        self.title = f"next {self.unit} of a text"
        self.about = (
            f"Which {self.unit} comes next? A language model: it reads on and on, and keeps its state from window to window."
        )

    def pieces(self, text: Text) -> Sequence[str]:
        """The text as symbols."""
        raise NotImplementedError

    def alphabet(self, pieces: Sequence[str]) -> Vocabulary | Characters:
        """The symbols that are told apart, learnt from the training part."""
        raise NotImplementedError

    def bound(self, data: str, vocabulary: int) -> Task:
        text = KEPT[data] if data else example_text()
        if not isinstance(text, Text):
            raise KeyError(data)
        if (n := len(self.pieces(text))) < LEAST:
            hint = "; if it puts no spaces between words, learn its characters" if self.by_words else ""
            raise ValueError(f"expected a text of at least {LEAST} {self.unit}s, {text.name} has {n}{hint}")
        return _prepared(type(self), text, vocabulary)

    @cached_property
    def text(self) -> Text:
        return self._text or example_text()

    @cached_property
    def known(self) -> Vocabulary | Characters:
        pieces = self.pieces(self.text)
        return self.alphabet(pieces[: int(TRAIN * len(pieces))])

    @cached_property
    def parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Symbols of training, validation and test."""
        symbols = self.known.encode(self.pieces(self.text))
        train, validation, test = np.split(symbols, [int(share * len(symbols)) for share in (TRAIN, VALIDATION)])
        return train, validation, test

    @cached_property
    def named(self) -> int:
        """So many symbols stand for one piece of text each; those behind them, up to n_out, stand for all others."""
        return len(self.known) - self.catch_alls

    @cached_property
    def coverage(self) -> dict[str, float]:
        """part -> share of its symbols, counted each time they occur, that are known: told apart from all others."""
        return {name: float((part < self.named).mean()) for name, part in zip(PARTS, self.parts, strict=True)}

    def remarks(self, length: int) -> list[str]:
        """What somebody who judges results on this text has to know, in sentences; windows of `length` symbols are read."""
        known, n, unit = self.coverage, len(self.parts[1]), self.unit
        cap = self._vocabulary if self.by_words else CHARACTERS
        told = [
            f"Known: {percent(known['training'], 1)} of the {unit}s of the training part, {percent(known['test'], 1)} of the "
            f"test part: {self.named:,} different ones. At most the {cap:,} most frequent of the training part are told apart."
        ]
        if n <= length:
            told.append(f"The validation part has {n:,} {unit}s, fewer than one window of {length:,}: it is read more than once.")
        if n < FEW:
            told.append(f"The accuracy while training is measured on only {n:,} {unit}s: a few more or fewer right move it.")
        return told

    @property
    def samples(self) -> str:  # type: ignore[override]
        """What the accuracy while training is about: symbols of the validation part, and the share that is known if not all."""
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
        """(O,) how frequent each symbol is in training."""
        train = self.parts[0]
        return np.bincount(train, minlength=self.n_out) / len(train)

    @property
    def chance(self) -> float:
        return float(self.shares[: self.named].max(initial=0))

    @property
    def guess_loss(self) -> float:
        """The entropy of the symbols' frequencies."""
        p = self.shares[self.shares > 0]
        return float(-(p * np.log(p)).sum())

    @property
    def squared_guess_loss(self) -> float:
        return float((self.shares * (1 - self.shares)).mean())

    def asked(self, length: int) -> int:
        return length

    def sample(self, length: int, n: int, rng: np.random.Generator) -> Batch:
        train = self.parts[0]
        return _windows(train, rng.integers(0, len(train), n), length)

    def stream(self, length: int, batch: int, rng: np.random.Generator) -> Iterator[Batch]:
        """Windows of `batch` tracks, from the beginning again at the end of the part; where they begin is the network's own."""
        train = self.parts[0]
        starts = np.arange(batch) * len(train) // batch + rng.integers(len(train))
        while True:
            yield _windows(train, starts, length)
            starts = starts + length

    def exam(self, length: int, rng: np.random.Generator) -> Batch:
        """Windows of the validation part, each read from the zero state; targets without a symbol of their own are UNKNOWN."""
        part, n = self.parts[1], self.exam_size(length)
        batch = _windows(part, np.arange(n) * max(1, len(part) - length) // n, length)
        return Batch(batch.x, np.where(batch.y < self.named, batch.y, UNKNOWN))

    def exam_size(self, length: int) -> int:
        return min(EXAM, max(1, (len(self.parts[1]) - 1) // length))

    def draw(self, length: int, n: int, rng: np.random.Generator, held_out: bool) -> Batch:
        part = self.parts[held_out]
        return _windows(part, rng.integers(0, len(part), n), length)

    def labels(self, x: np.ndarray) -> list[str]:
        return [shown(symbol) for symbol in self.known.decode(x)]

    def answer(self, y: np.ndarray) -> str:
        return self.labels(y[-1:])[0]


class NextCharacter(NextSymbol):
    unit, catch_alls = "character", 1

    def pieces(self, text):
        return text.characters

    def alphabet(self, pieces):
        return Characters.of("".join(pieces))


class NextWord(NextSymbol):
    unit, by_words, catch_alls = "word", True, len(SHAPES)

    def pieces(self, text):
        return text.words

    def alphabet(self, pieces):
        return Vocabulary.of([[piece for piece in pieces if piece != LEFT_OUT]], self._vocabulary)


def shown(symbol: str) -> str:
    """A symbol as it stands under an axis: what is blank has a sign, and an accent stands on a circle."""
    alone = len(symbol) == 1 and unicodedata.combining(symbol)
    return f"◌{symbol}" if alone else SHOWN.get(symbol, symbol)


def _windows(symbols: np.ndarray, starts: np.ndarray, length: int) -> Batch:
    """x (length, N) from each start on, round and round, and as y what follows each symbol."""
    at = (np.arange(length)[:, None] + starts) % len(symbols)
    return Batch(symbols[at], symbols[(at + 1) % len(symbols)])


@lru_cache(maxsize=1)
def example_text() -> Text:
    """What is read where nothing is given: sentences of the agreement task, each finished."""
    rng = np.random.default_rng(0)
    task = Agreement("", "", varying=True, attractors=0.5)
    sentences = []
    for length in rng.integers(7, 15, 3000):
        batch = task.sample(int(length), 1, rng)
        words = " ".join(WORDS[i] for i in batch.x[:, 0]).replace(" ,", ",")
        sentences.append(f"{words} {task.answer(batch.y[:, 0])} {rng.choice(ENDINGS)}.")
    return Text("example text", "\n".join(sentences))


@lru_cache(maxsize=4)
def _prepared(kind: type[NextSymbol], text: Text, vocabulary: int) -> NextSymbol:
    return kind(text, vocabulary)
