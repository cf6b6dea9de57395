"""Frozen containers of the data in a file: Corpus (prefixes, each with the number of its verb) and Text. Saved as JSON.

Two objects with the same content are equal and have the same digest. Their names and file formats do not count.
"""

from __future__ import annotations

import hashlib
import json
import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from rnnkit.corpus.decoding import CorpusError
from rnnkit.corpus.tokens import to_tokens

T = TypeVar("T")
MAX_PREPARED = 3  # things derived from one content that are held: of 20,000 sentences each takes 5 MB
_LOCK = threading.Lock()


class Content(ABC):
    """Base class of named content. Its digest and equality depend on the content alone; to_bytes adds name and notes."""

    name: str
    notes: tuple[str, ...]

    @abstractmethod
    def content(self) -> dict[str, Any]:
        """Returns the content as plain JSON values."""

    def metadata(self) -> dict[str, Any]:
        """Returns what to_bytes writes beside the content."""
        return {"name": self.name, "notes": self.notes}

    @cached_property
    def digest(self) -> str:
        """First 16 hexadecimal digits of the content's SHA-256."""
        return hashlib.sha256(_to_json(self.content())).hexdigest()[:16]

    def to_bytes(self) -> bytes:
        """Returns content and metadata as UTF-8 JSON, which from_bytes reads."""
        return _to_json({"kind": type(self).__name__} | self.metadata() | self.content())

    @cached_property
    def _derived(self) -> OrderedDict[Any, Any]:
        return OrderedDict()

    def prepared(self, key: Any, make: Callable[[], T]) -> T:
        """Returns make(), or what it gave before under this key: what is derived from this content is freed with it.

        Of the keys the MAX_PREPARED used last are held.
        """
        with _LOCK:
            if key not in self._derived:
                self._derived[key] = make()
            self._derived.move_to_end(key)
            while len(self._derived) > MAX_PREPARED:
                self._derived.popitem(last=False)
            return self._derived[key]

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.digest == self.digest

    def __hash__(self) -> int:
        return hash(self.digest)


def unknown_values() -> np.ndarray:
    """Returns an empty array, for which Corpus puts -1 (unknown) at every item."""
    return np.empty(0, np.int8)


ARRAYS = {"plural": bool, "attractors": np.int16, "distance": np.int16, "part": np.int8, "last_noun": np.int8}


@dataclass(frozen=True, eq=False)
class Corpus(Content):
    """N prefixes, each the words of a sentence before its verb, and whether that verb is plural.

    Raises CorpusError where an array does not have N values, or `part` or `last_noun` is out of range.
    """

    name: str
    format: str  # its key in FORMATS
    prefixes: tuple[tuple[str, ...], ...]  # words in lower case
    plural: np.ndarray  # (N,) bool, the number of the verb
    attractors: np.ndarray  # (N,) int16, nouns of the other number between subject and verb; -1 unknown
    distance: np.ndarray  # (N,) int16, verb position minus subject position, in words, at least 1; -1 unknown
    forms: tuple[tuple[str, str], ...]  # (right, wrong) verb of each item; () where the format does not give them
    notes: tuple[str, ...]  # sentences about the file and how it was read
    part: np.ndarray = field(default_factory=unknown_values)  # (N,) int8: 0 training, 1 validation, 2 test; -1 a hash decides
    source: tuple[str, ...] = ()  # name of the sentence each item is a variant of, "" unknown; () where the file has none
    last_noun: np.ndarray = field(default_factory=unknown_values)  # (N,) int8 of the prefix: 0 singular, 1 plural, -1 unknown

    def __post_init__(self) -> None:
        n = len(self.prefixes)
        for name, dtype in ARRAYS.items():
            array = getattr(self, name)
            values = np.full(n, -1, dtype) if name in ("part", "last_noun") and not len(array) else np.array(array, dtype)
            if values.shape != (n,):
                raise CorpusError(f"expected {n} values of {name}, one a prefix, got shape {values.shape}")
            values.flags.writeable = False
            object.__setattr__(self, name, values)
        for expected, entries in (("verb forms or {}, one pair", self.forms), ("sources or {}, one", self.source)):
            if entries and len(entries) != n:
                raise CorpusError(f"expected no {expected.format(n)} a prefix, got {len(entries)}")
        for name, high in (("part", 2), ("last_noun", 1)):
            if not np.isin(getattr(self, name), np.arange(-1, high + 1)).all():
                raise CorpusError(f"expected {name} from -1 to {high}")

    def __len__(self) -> int:
        return len(self.prefixes)

    def metadata(self) -> dict[str, Any]:
        return super().metadata() | {"format": self.format}

    def content(self) -> dict[str, Any]:
        values = {
            "prefixes": [" ".join(words) for words in self.prefixes],  # no word contains a space
            "plural": self.plural.astype(int).tolist(),
            "attractors": self.attractors.tolist(),
            "distance": self.distance.tolist(),
            "forms": self.forms,
        }
        for name in ("part", "last_noun"):  # left out where all are unknown, so that digests of older versions stay valid
            if (getattr(self, name) >= 0).any():
                values[name] = getattr(self, name).tolist()
        return values | ({"source": self.source} if self.source else {})

    @classmethod
    def from_bytes(cls, data: bytes) -> Corpus:
        """Reads what to_bytes writes. Raises CorpusError for anything else."""
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
    """Plain text for a language model of characters or of words."""

    name: str
    text: str
    notes: tuple[str, ...] = ()

    @property
    def characters(self) -> str:
        """The text as a sequence of characters."""
        return self.text

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words in lower case. A punctuation mark is a word of its own."""
        return to_tokens(self.text)

    def content(self) -> dict[str, Any]:
        return {"text": self.text}

    @classmethod
    def from_bytes(cls, data: bytes) -> Text:
        """Reads what to_bytes writes. Raises CorpusError for anything else."""
        values = load_content(data, cls.__name__)
        try:
            return cls(str(values["name"]), str(values["text"]), tuple(map(str, values["notes"])))
        except (KeyError, TypeError, RecursionError):
            raise CorpusError("expected a text as to_bytes writes it, got JSON with other content") from None


def _to_json(values: dict[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()


def load_content(data: bytes, kind: str) -> dict[str, Any]:
    """Returns the values in the bytes of a Content of this class name. Raises CorpusError where they are of another kind."""
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        raise CorpusError(f"expected JSON as {kind}.to_bytes writes it, got something else") from None
    if not isinstance(values, dict) or values.pop("kind", None) != kind:
        raise CorpusError(f"expected JSON as {kind}.to_bytes writes it, got another kind of JSON")
    return values
