"""Near copies: test sentences that are training sentences with other content words, as generated sets have them.

The frame of a prefix is the prefix with "_" in the place of every word that is rare in the corpus. A test prefix is a near copy
where a training prefix is equal to it, or has the same frame and the frame has enough words that are not rare to be no chance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from rnnkit.corpus.data import Corpus
from rnnkit.corpus.parts import TEST, TRAIN, split

FREQUENT = 0.01  # share of the prefixes that have a word from which it is no rare word
AT_LEAST = 3  # and so many of them
ANCHORS = 3  # words of a frame that are not rare
MOST = 20_000  # test prefixes that are looked at; of more every second, third ...
MANY = 0.2  # share from which it is told. Measured: Wikipedia .045, UD English EWT .051, Gulordava's generated sets .46 to .92


def near_copies(corpus: Corpus) -> float:
    """Share of the test prefixes that are near copies of training prefixes; at most MOST test prefixes are looked at."""
    part = split(corpus)
    counts = Counter(word for words in corpus.prefixes for word in set(words))
    least = max(AT_LEAST, FREQUENT * len(corpus))
    frequent = {word for word, n in counts.items() if n >= least}

    def frame(words: Sequence[str]) -> tuple[str, ...]:
        found = tuple(word if word in frequent else "_" for word in words)
        return found if sum(word != "_" for word in found) >= ANCHORS else tuple(words)

    train, test = (np.flatnonzero(part == which) for which in (TRAIN, TEST))
    trained = {hash(frame(corpus.prefixes[i])) for i in train}
    found = [hash(frame(corpus.prefixes[i])) in trained for i in test[:: -(-len(test) // MOST) or 1]]
    return float(np.mean(found)) if found else 0.0
