"""Store of given data: corpora, texts, minimal pairs, series and weights, each under the digest of its content, in memory alone.

An Experiment names its data by that digest (fields `data` and `weights`), so it stays small, and is the same wherever the same
sentences are. Nothing is written to disk. STORE is the store of this process, which Experiment.bound_task and bound_weights
read. The command line and notebooks store the files that they read, the server what viewers upload, a worker what the server
sends (serving.RunPool).
"""

from __future__ import annotations

from collections.abc import Iterator

from rnnkit.corpus import Corpus, Pairs, Series, Text
from rnnkit.tasks.weights import Weights

Data = Corpus | Text | Pairs | Series | Weights
KINDS: dict[str, type[Data]] = {"Corpus": Corpus, "Text": Text, "Pairs": Pairs, "Series": Series, "Weights": Weights}


class DataStore:
    """Data by digest. Iterates over the digests, oldest first. What is dropped is freed, with all that was derived from it."""

    def __init__(self) -> None:
        self._data: dict[str, Data] = {}

    def put(self, data: Data) -> str:
        """Stores the data; returns their digest, which an Experiment names."""
        self._data[data.digest] = data
        return data.digest

    def get(self, digest: str) -> Data:
        """Returns the data of this digest; raises KeyError where they are not stored (any more)."""
        return self._data[digest]

    def drop(self, digest: str) -> None:
        """Removes the data of this digest, if they are stored."""
        self._data.pop(digest, None)

    def receive(self, kind: str, text: str) -> str:
        """Stores what another process sends: a name in KINDS, and its `to_bytes` as text. Raises CorpusError for other text."""
        return self.put(KINDS[kind].from_bytes(text.encode()))

    def clear(self) -> None:
        self._data.clear()

    def __contains__(self, digest: object) -> bool:
        return digest in self._data

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._data))

    def __len__(self) -> int:
        return len(self._data)


STORE = DataStore()
