"""What was given to learn from: corpora, texts and minimal pairs by the name that their content has (`digest`), in this process.

An Experiment names its data by that name alone, so it stays small, and is the same wherever the same sentences are. Nothing is
written to disk. The server hands data to its workers (process.py), the command line and notebooks `keep` what they read.
"""

from __future__ import annotations

from rnnkit.corpus import Corpus, Pairs, Text

Data = Corpus | Text | Pairs
KEPT: dict[str, Data] = {}
KINDS: dict[str, type[Corpus] | type[Text] | type[Pairs]] = {"Corpus": Corpus, "Text": Text, "Pairs": Pairs}


def keep(data: Data) -> str:
    """From now on Experiments in this process can name it; returns the name."""
    KEPT[data.digest] = data
    return data.digest


def receive(kind: str, data: str) -> None:
    """Keeps what another process sends: the name of its class, and its `to_bytes` as text."""
    keep(KINDS[kind].from_bytes(data.encode()))


def drop(digest: str) -> None:
    KEPT.pop(digest, None)
