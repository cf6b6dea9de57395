"""Near copies: test sentences that equal a training sentence but for content words, as in generated data sets.

The frame of a prefix has "_" in place of every word that is rare in the corpus. A test prefix is a near copy of a training
prefix where the two are equal, or have the same frame and that holds at least MIN_FRAME_WORDS frequent words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from rnnkit.corpus.data import Corpus
from rnnkit.corpus.parts import TEST, TRAIN, split

MIN_FREQUENT_SHARE = 0.01  # a word is frequent if this share of the prefixes have it,
MIN_FREQUENT_COUNT = 3  # and this many
MIN_FRAME_WORDS = 3
MAX_TEST_PREFIXES = 20_000  # that are compared; of more, every second, third ... one
MIN_NOTED_SHARE = 0.2  # for a note. Measured: Wikipedia .045, UD English EWT .051, Gulordava's generated sets .46 to .92


def near_copies(corpus: Corpus) -> float:
    """Returns the share of test prefixes that are near copies of training prefixes; 0 without test prefixes.

    Compares at most MAX_TEST_PREFIXES of them.
    """
    part = split(corpus)
    counts = Counter(word for words in corpus.prefixes for word in set(words))
    least = max(MIN_FREQUENT_COUNT, MIN_FREQUENT_SHARE * len(corpus))
    frequent = {word for word, n in counts.items() if n >= least}

    def frame(words: Sequence[str]) -> tuple[str, ...]:
        masked = tuple(word if word in frequent else "_" for word in words)
        return masked if sum(word != "_" for word in masked) >= MIN_FRAME_WORDS else tuple(words)

    train, test = (np.flatnonzero(part == which) for which in (TRAIN, TEST))
    trained = {hash(frame(corpus.prefixes[i])) for i in train}
    found = [hash(frame(corpus.prefixes[i])) in trained for i in test[:: -(-len(test) // MAX_TEST_PREFIXES) or 1]]
    return float(np.mean(found)) if found else 0.0
