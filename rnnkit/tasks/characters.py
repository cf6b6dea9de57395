"""The next character of a text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from rnnkit.tasks.next_symbol import NextSymbol

MAX_CHARACTERS = 5000  # with a symbol of their own: more than the Chinese characters of a novel. The rarer ones share one
OTHER = "\N{REPLACEMENT CHARACTER}"


class Characters:
    """The most frequent characters of a text, and one symbol for all others."""

    def __init__(self, characters: list[str]) -> None:
        self.symbols = [*characters, OTHER]
        self.index = {c: i for i, c in enumerate(self.symbols)}

    @classmethod
    def of(cls, text: str) -> Characters:
        counts = Counter(text)
        del counts[OTHER]  # it stands for a character that was lost before
        return cls(sorted(c for c, _ in counts.most_common(MAX_CHARACTERS)))

    def __len__(self) -> int:
        return len(self.symbols)

    def encode(self, text: Sequence[str]) -> np.ndarray:
        other = len(self.symbols) - 1
        return np.fromiter((self.index.get(c, other) for c in text), np.int64, len(text))

    def decode(self, x: np.ndarray) -> list[str]:
        return [self.symbols[i] for i in x]


class NextCharacter(NextSymbol):
    """See next_symbol.py. The catch-all symbol is OTHER."""

    unit, catch_alls, max_symbols = "character", 1, MAX_CHARACTERS

    def pieces(self, text):
        return text.characters

    def alphabet(self, pieces):
        return Characters.of("".join(pieces))
