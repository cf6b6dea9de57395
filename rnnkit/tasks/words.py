"""The next word of a text."""

from __future__ import annotations

from rnnkit.corpus import SHAPES, Vocabulary
from rnnkit.tasks.next_symbol import NextSymbol

LEFT_OUT = "<unk>"  # what published corpora (Penn Treebank, WikiText) write for a rare word: not a word to be guessed


class NextWord(NextSymbol):
    """See next_symbol.py. The catch-all symbols are the SHAPES of words: their endings."""

    unit, by_words, catch_alls = "word", True, len(SHAPES)

    @property
    def max_symbols(self) -> int:  # type: ignore[override]
        return self.vocabulary

    def pieces(self, text):
        return text.words

    def alphabet(self, pieces):
        return Vocabulary.of([[piece for piece in pieces if piece != LEFT_OUT]], self.vocabulary)
