"""Which words a network knows: the most frequent ones of the training part. Every other word is known by its shape alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

SHAPES: dict[str, Callable[[str], bool]] = {  # the first that holds; so a rare plural still looks like a plural
    "<number>": lambda w: any(c.isdigit() for c in w) and not any(c.isalpha() for c in w),
    "<...ing>": lambda w: len(w) > 4 and w.endswith("ing"),
    "<...ed>": lambda w: len(w) > 3 and w.endswith("ed"),
    "<...ly>": lambda w: len(w) > 3 and w.endswith("ly"),
    "<...s>": lambda w: len(w) > 3 and w.endswith("s") and not w.endswith(("ss", "us", "is")),
    "<other>": lambda w: True,
}


def shape(word: str) -> str:
    """What stands for a word that is not known."""
    return next(name for name, holds in SHAPES.items() if holds(word))


@dataclass(frozen=True)
class Vocabulary:
    """Symbol i is word i; behind the words come the SHAPES, in their order."""

    words: tuple[str, ...]

    @classmethod
    def of(cls, sentences: Iterable[Sequence[str]], size: int) -> Vocabulary:
        """The `size` most frequent words of the training sentences; of words equally frequent the first by the alphabet."""
        if size < 1:
            raise ValueError(f"expected a vocabulary of at least 1 word, got {size}")
        counts = Counter(word for words in sentences for word in words)
        return cls(tuple(sorted(counts, key=lambda word: (-counts[word], word))[:size]))

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        return (*self.words, *SHAPES)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.words)}

    @cached_property
    def _shapes(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(SHAPES, len(self.words))}

    def __len__(self) -> int:
        return len(self.words) + len(SHAPES)

    def encode(self, words: Sequence[str]) -> np.ndarray:
        """(len(words),) int64 symbols."""
        ids = self._ids
        return np.array([ids[w] if w in ids else self._shapes[shape(w)] for w in words], np.int64)

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Words, and the names of shapes where a word was not known."""
        return [self.symbols[i] for i in ids]

    def coverage(self, sentences: Iterable[Sequence[str]]) -> float:
        """Share of all words, counted each time they occur, that are known; NaN without words."""
        known = [word in self._ids for words in sentences for word in words]
        return sum(known) / len(known) if known else float("nan")
