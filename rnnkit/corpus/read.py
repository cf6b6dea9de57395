"""Reads a Corpus from the bytes of a file. Everything that is wrong with the file raises a CorpusError."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import replace

import numpy as np

from rnnkit.corpus import notes, treebank
from rnnkit.corpus.data import Corpus
from rnnkit.corpus.decoding import (
    MAX_ALL_WORDS,
    MAX_BYTES,
    MAX_LINES,
    MAX_TREEBANK_LINES,
    CorpusError,
    decode,
    refuse_json_array,
    to_lines,
)
from rnnkit.corpus.formats import FORMATS
from rnnkit.corpus.items import Item, Lines, Reading
from rnnkit.corpus.parts import part_sizes, split, with_test_suite, with_validation
from rnnkit.corpus.texts import display_name
from rnnkit.corpus.tokens import strip_invisible
from rnnkit.errors import shorten_repr

MIN_PREFIXES = 100  # different ones; ten of them are the test, and ten right of ten mean at least 72 % (95 % interval)
MAX_BAD_SHARE, MAX_BAD_LINES = 0.05, 100  # unreadable lines; one is always allowed
MAX_BAD_NAMED = 2  # unreadable lines that the notes quote
HEAD_LINES = 30  # from which the format is recognised


def read_corpus(
    data: bytes,
    name: str = "",
    format: str | None = None,
    gold: bytes | None = None,
    max_bytes: int = MAX_BYTES,
    test: Corpus | None = None,
) -> Corpus:
    """Reads an agreement corpus to train on.

    `format` is a key of FORMATS, or None to recognise it. `gold` is the second file of the format "gulordava". `test`, from
    read_suite, becomes the test part; this file is then for training and validation alone. Leaves out up to MAX_BAD_SHARE
    unreadable lines with a note. Raises CorpusError with the line, what was expected and what came.
    """
    corpus = _read(data, name, format, gold, max_bytes)
    corpus = with_validation(with_test_suite(corpus, test) if test is not None else corpus)
    parts = part_sizes(corpus)
    _check(corpus, parts)
    read, *remarks = corpus.notes
    return replace(corpus, notes=(read, *notes.corpus_notes(corpus, parts), *remarks))


def read_suite(
    data: bytes, name: str = "", format: str | None = None, gold: bytes | None = None, max_bytes: int = MAX_BYTES
) -> Corpus:
    """Reads sentences to test on, at least one, for read_corpus(..., test=...). Raises CorpusError like read_corpus."""
    suite = _read(data, name or "test sentences", format, gold, max_bytes)
    if not len(suite):
        raise CorpusError("expected at least one prefix to test on, got none")
    return suite


def _read(data: bytes, name: str, format: str | None, gold: bytes | None, max_bytes: int) -> Corpus:
    """Returns the items of the file, of any number. The notes say how it was read and what was left out."""
    if format is not None and format not in FORMATS:
        raise CorpusError(f"unknown format {shorten_repr(format)}: valid are {', '.join(FORMATS)}")
    text, hidden = _normalized(decode(data, max_bytes))
    refuse_json_array(text)
    head = [line for line in text[:100_000].split("\n") if line.strip()][:HEAD_LINES]
    lines = to_lines(text, max_lines=MAX_TREEBANK_LINES if treebank.fits(head) else MAX_LINES)
    answers = None if gold is None else to_lines(_normalized(decode(gold, max_bytes, "the .gold file"))[0], "the .gold file")
    kind = format or ("gulordava" if answers is not None else _recognise(head, text))
    if answers is not None and kind != "gulordava":
        raise CorpusError(f"a .gold file belongs to the format gulordava, not to {kind}")
    items, remarks = _collect(FORMATS[kind].read(lines, answers))
    how = "as asked for" if format else "recognised by the second file" if answers else "recognised by its first line"
    if hidden:
        left_out = notes.count(hidden, "invisible character")
        remarks.append(f"{left_out} left out (marks of direction or byte order, soft hyphens).")
    return _build(items, display_name(name, "corpus"), kind, (f"Read as {FORMATS[kind].title}, {how}.", *remarks))


def _normalized(text: str) -> tuple[str, int]:
    """Returns the text composed (Unicode NFC) and without invisible characters, and how many of those there were."""
    text = unicodedata.normalize("NFC", text)
    visible = strip_invisible(text)
    return visible, len(text) - len(visible)


def _recognise(head: Lines, text: str) -> str:
    for kind, format in FORMATS.items():
        if format.fits(head):
            return kind
    known = "; ".join(f"{kind}: {format.about}" for kind, format in FORMATS.items())
    at = 1 + text[: text.index(head[0])].count("\n")
    raise CorpusError(f"line {at}: no known format begins with {shorten_repr(head[0])}. Expected {known}")


def _collect(reading: Reading) -> tuple[list[Item], list[str]]:
    """Returns all items, and notes about the file, the lines left out, and the items with a remark."""
    items: list[Item] = []
    words = 0
    bad: list[str] = []
    file_notes: list[str] = []
    remarks: Counter[str] = Counter()
    for at, item in reading:
        if isinstance(item, str):
            file_notes.append(item)
        elif isinstance(item, CorpusError):
            bad.append(f"line {at:,}: {item}")
            if len(bad) > MAX_BAD_LINES:
                break
        else:
            items.append(item)
            remarks[item.remark] += 1
            words += len(item.words)
            if words > MAX_ALL_WORDS:
                raise CorpusError(
                    f"line {at:,}: expected at most {MAX_ALL_WORDS:,} words in all prefixes together: take a part of it"
                )
    n = len(items) + len(bad)
    if len(bad) > min(MAX_BAD_LINES, max(1, MAX_BAD_SHARE * n)) or (bad and not items):
        more = f" (the first such line; {len(bad):,} of the first {n:,} cannot be read)" if len(bad) > 1 else ""
        raise CorpusError(bad[0] + more)
    file_notes += [f"{notes.count(k, 'line')}: {remark}." for remark, k in remarks.items() if remark]
    if bad:
        more = "; ..." if len(bad) > MAX_BAD_NAMED else "."
        file_notes.append(f"{notes.count(len(bad), 'line')} of {n:,} left out; {'; '.join(bad[:MAX_BAD_NAMED])}{more}")
    return items, file_notes


def _build(items: list[Item], name: str, kind: str, remarks: tuple[str, ...]) -> Corpus:
    forms = tuple(item.forms for item in items if item.forms)
    return Corpus(
        name=name,
        format=kind,
        prefixes=tuple(item.words for item in items),
        plural=np.array([item.plural for item in items], bool),
        attractors=np.array([item.attractors for item in items], np.int16),
        distance=np.array([item.distance for item in items], np.int16),
        forms=forms if len(forms) == len(items) else (),
        notes=remarks,
        part=np.array([item.part for item in items], np.int8),
        source=tuple(item.source for item in items) if any(item.source for item in items) else (),
        last_noun=np.array([item.last_noun for item in items], np.int8),
    )


def _check(corpus: Corpus, parts: tuple[int, int, int]) -> None:
    """Raises CorpusError where there is too little to train on, or to test."""
    counted = split(corpus) < 2 if (corpus.part >= 0).any() else np.ones(len(corpus), bool)
    different = len({words for words, counts in zip(corpus.prefixes, counted, strict=True) if counts})
    if different < MIN_PREFIXES:
        purpose = "to train on" if (corpus.part >= 0).any() else "of which a tenth are kept for the test"
        raise CorpusError(
            f"expected at least {MIN_PREFIXES} different prefixes, {purpose}, got {different}; fewer can be a test for others"
        )
    plural = corpus.plural[split(corpus) == 0]
    if len(plural) and (plural.all() or not plural.any()):
        kind = "plural" if plural.any() else "singular"
        raise CorpusError(f"expected singular and plural verbs, got {len(plural):,} prefixes for training that are all {kind}")
    if not all(parts):
        hint = "; a source is in one part as a whole, so more sources are needed" if corpus.source else ""
        raise CorpusError(f"expected prefixes for training, validation and test, got {parts}: add more different ones{hint}")
