"""What was read: a Corpus of prefixes with the number of the verb that follows, or a Text. Frozen; they travel as JSON.

Two with the same content have the same digest and are equal, whatever they are called and whichever format they came in.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from rnnkit.corpus.source import CorpusError
from rnnkit.corpus.tokens import to_tokens


class Content(ABC):
    """Named content: digest and equality depend on the content alone; bytes hold the name and the notes as well."""

    name: str
    notes: tuple[str, ...]

    @abstractmethod
    def content(self) -> dict[str, Any]:
        """As plain JSON values."""

    def about(self) -> dict[str, Any]:
        return {"name": self.name, "notes": self.notes}

    @cached_property
    def digest(self) -> str:
        """16 hexadecimal digits of the content's SHA-256."""
        return hashlib.sha256(_dump(self.content())).hexdigest()[:16]

    def to_bytes(self) -> bytes:
        return _dump({"kind": type(self).__name__} | self.about() | self.content())

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.digest == self.digest

    def __hash__(self) -> int:
        return hash(self.digest)


def unsaid() -> np.ndarray:
    """-1 for every item, when the Corpus is made."""
    return np.empty(0, np.int8)


ARRAYS = {"plural": bool, "attractors": np.int16, "distance": np.int16, "part": np.int8, "last_noun": np.int8}


@dataclass(frozen=True, eq=False)
class Corpus(Content):
    """N prefixes, each up to a verb and without it, and whether that verb is plural."""

    name: str
    format: str  # its key in FORMATS
    prefixes: tuple[tuple[str, ...], ...]  # words in lower case
    plural: np.ndarray  # (N,) bool
    attractors: np.ndarray  # (N,) int16 nouns of the other number between subject and verb; -1 unknown
    distance: np.ndarray  # (N,) int16 words from the subject to the verb: 1 where it stands right before; -1 unknown
    forms: tuple[tuple[str, str], ...]  # right and wrong verb of each item, or () where the format does not give them
    notes: tuple[str, ...]  # what was noticed and done, in sentences
    part: np.ndarray = field(default_factory=unsaid)  # (N,) int8 0 training, 1 validation, 2 test; -1 a hash decides
    source: tuple[str, ...] = ()  # what each item is a variant of, "" where unknown; () where the file does not say it
    last_noun: np.ndarray = field(default_factory=unsaid)  # (N,) int8 number of the last noun: 0 singular, 1 plural, -1 unknown

    def __post_init__(self) -> None:
        n = len(self.prefixes)
        for name, dtype in ARRAYS.items():
            given = getattr(self, name)
            values = np.full(n, -1, dtype) if name in ("part", "last_noun") and not len(given) else np.array(given, dtype)
            if values.shape != (n,):
                raise CorpusError(f"expected {n} values of {name}, one a prefix, got shape {values.shape}")
            values.flags.writeable = False
            object.__setattr__(self, name, values)
        for what, given in (("verb forms or {}, one pair", self.forms), ("sources or {}, one", self.source)):
            if given and len(given) != n:
                raise CorpusError(f"expected no {what.format(n)} a prefix, got {len(given)}")
        for name, most in (("part", 2), ("last_noun", 1)):
            if not np.isin(getattr(self, name), np.arange(-1, most + 1)).all():
                raise CorpusError(f"expected {name} from -1 to {most}")

    def __len__(self) -> int:
        return len(self.prefixes)

    def about(self) -> dict[str, Any]:
        return super().about() | {"format": self.format}

    def content(self) -> dict[str, Any]:
        values = {
            "prefixes": [" ".join(words) for words in self.prefixes],  # a word holds no space
            "plural": self.plural.astype(int).tolist(),
            "attractors": self.attractors.tolist(),
            "distance": self.distance.tolist(),
            "forms": self.forms,
        }
        for name in ("part", "last_noun"):  # what a file does not say has no place here, so digests of older versions hold
            if (getattr(self, name) >= 0).any():
                values[name] = getattr(self, name).tolist()
        return values | ({"source": self.source} if self.source else {})

    @classmethod
    def from_bytes(cls, data: bytes) -> Corpus:
        """Raises CorpusError for anything that to_bytes does not write."""
        values = load_content(data, cls.__name__)
        try:
            values["prefixes"] = tuple(tuple(words.split()) for words in values["prefixes"])
            values["forms"] = tuple((str(right), str(wrong)) for right, wrong in values["forms"])
            values["notes"] = tuple(map(str, values["notes"]))
            values["source"] = tuple(map(str, values.get("source", ())))
            values |= {"name": str(values["name"]), "format": str(values["format"])}
            return cls(**values)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
            raise CorpusError("expected a corpus as to_bytes writes it, got JSON with other content") from None


@dataclass(frozen=True, eq=False)
class Text(Content):
    """Plain text to model, letter by letter or word by word."""

    name: str
    text: str
    notes: tuple[str, ...] = ()

    @property
    def characters(self) -> str:
        """The text, which is a sequence of characters."""
        return self.text

    @cached_property
    def words(self) -> tuple[str, ...]:
        """In lower case, marks as words of their own."""
        return to_tokens(self.text)

    def content(self) -> dict[str, Any]:
        return {"text": self.text}

    @classmethod
    def from_bytes(cls, data: bytes) -> Text:
        """Raises CorpusError for anything that to_bytes does not write."""
        values = load_content(data, cls.__name__)
        try:
            return cls(str(values["name"]), str(values["text"]), tuple(map(str, values["notes"])))
        except (KeyError, TypeError, RecursionError):
            raise CorpusError("expected a text as to_bytes writes it, got JSON with other content") from None


def _dump(values: dict[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()


def load_content(data: bytes, kind: str) -> dict[str, Any]:
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        raise CorpusError(f"expected JSON as {kind}.to_bytes writes it, got something else") from None
    if not isinstance(values, dict) or values.pop("kind", None) != kind:
        raise CorpusError(f"expected JSON as {kind}.to_bytes writes it, got another kind of JSON")
    return values
