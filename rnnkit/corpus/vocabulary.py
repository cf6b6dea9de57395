"""The vocabulary of a network: the most frequent words of the training part, and a symbol for each shape of all others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

SHAPES: dict[str, Callable[[str], bool]] = {  # symbol -> its rule, in this order; so a rare plural still ends in s
    "<number>": lambda w: any(c.isdigit() for c in w) and not any(c.isalpha() for c in w),
    "<...ing>": lambda w: len(w) > 4 and w.endswith("ing"),
    "<...ed>": lambda w: len(w) > 3 and w.endswith("ed"),
    "<...ly>": lambda w: len(w) > 3 and w.endswith("ly"),
    "<...s>": lambda w: len(w) > 3 and w.endswith("s") and not w.endswith(("ss", "us", "is")),
    "<other>": lambda w: True,
}


def shape(word: str) -> str:
    """Returns the symbol of a word outside the vocabulary: the first of SHAPES whose rule holds."""
    return next(name for name, holds in SHAPES.items() if holds(word))


@dataclass(frozen=True)
class Vocabulary:
    """Symbol i is word i; the symbols after the words are the SHAPES, in their order."""

    words: tuple[str, ...]

    @classmethod
    def of(cls, sentences: Iterable[Sequence[str]], size: int) -> Vocabulary:
        """Takes the `size` most frequent words of the training sentences; equally frequent ones by the alphabet.

        Raises ValueError where size < 1.
        """
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
        """Returns (len(words),) int64 symbols."""
        ids = self._ids
        return np.array([ids[w] if w in ids else self._shapes[shape(w)] for w in words], np.int64)

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Returns the words of these symbols, and the names of shapes for words outside the vocabulary."""
        return [self.symbols[i] for i in ids]

    def coverage(self, sentences: Iterable[Sequence[str]]) -> float:
        """Returns the share of all tokens that are in the vocabulary; NaN without tokens."""
        known = [word in self._ids for words in sentences for word in words]
        return sum(known) / len(known) if known else float("nan")
