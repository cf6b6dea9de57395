"""From the bytes of a file to a Corpus: read_corpus and read_suite. Everything that is wrong becomes a CorpusError."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import replace

import numpy as np

from rnnkit.corpus import notes, treebank
from rnnkit.corpus.data import Corpus
from rnnkit.corpus.formats import FORMATS
from rnnkit.corpus.items import Item, Lines, Reading
from rnnkit.corpus.parts import sizes, split, tested_on, with_validation
from rnnkit.corpus.source import MAX_ALL_WORDS, MAX_BYTES, MAX_LINES, MAX_TREEBANK_LINES, CorpusError, decode, no_array, to_lines
from rnnkit.corpus.texts import tidy
from rnnkit.corpus.tokens import visible
from rnnkit.errors import shorten_repr

MIN_PREFIXES = 100  # different ones: then about ten are left to test, and ten right of ten mean at least 72 % (95 % interval)
BAD_SHARE, BAD_LINES = 0.05, 100  # more lines than this that cannot be read refuse the file; one is always allowed
BAD_TOLD = 2  # of them are named
HEAD = 30  # lines that tell the format


def read_corpus(
    data: bytes,
    name: str = "",
    format: str | None = None,
    gold: bytes | None = None,
    max_bytes: int = MAX_BYTES,
    test: Corpus | None = None,
) -> Corpus:
    """An agreement corpus to train on; `format` is a key of FORMATS, or None to have it recognised; "gulordava" has a second
    file, `gold`. With `test` (read_suite) that is the test part, and this file is for training and validation alone.

    Raises CorpusError that names the line, what was expected and what came.
    """
    corpus = _read(data, name, format, gold, max_bytes)
    corpus = with_validation(tested_on(corpus, test) if test is not None else corpus)
    parts = sizes(corpus)
    _check(corpus, parts)
    read, *remarks = corpus.notes
    return replace(corpus, notes=(read, *notes.about(corpus, parts), *remarks))


def read_suite(
    data: bytes, name: str = "", format: str | None = None, gold: bytes | None = None, max_bytes: int = MAX_BYTES
) -> Corpus:
    """Sentences to test on, of any number from 1 on: for read_corpus(..., test=...)."""
    suite = _read(data, name or "test sentences", format, gold, max_bytes)
    if not len(suite):
        raise CorpusError("expected at least one prefix to test on, got none")
    return suite


def _read(data: bytes, name: str, format: str | None, gold: bytes | None, max_bytes: int) -> Corpus:
    """What stands in the file, however little; its notes say how it was read and what was noticed."""
    if format is not None and format not in FORMATS:
        raise CorpusError(f"unknown format {shorten_repr(format)}: valid are {', '.join(FORMATS)}")
    text, hidden = _cleaned(decode(data, max_bytes))
    no_array(text)
    head = [line for line in text[:100_000].split("\n") if line.strip()][:HEAD]
    lines = to_lines(text, most=MAX_TREEBANK_LINES if treebank.fits(head) else MAX_LINES)
    answers = None if gold is None else to_lines(_cleaned(decode(gold, max_bytes, "the .gold file"))[0], "the .gold file")
    kind = format or ("gulordava" if answers is not None else _recognise(head, text))
    if answers is not None and kind != "gulordava":
        raise CorpusError(f"a .gold file belongs to the format gulordava, not to {kind}")
    items, remarks = _collect(FORMATS[kind].read(lines, answers))
    how = "as asked for" if format else "recognised by the second file" if answers else "recognised by its first line"
    if hidden:
        left_out = notes.count(hidden, "invisible character")
        remarks.append(f"{left_out} left out (marks of direction or byte order, soft hyphens).")
    return _build(items, tidy(name, "corpus"), kind, (f"Read as {FORMATS[kind].title}, {how}.", *remarks))


def _cleaned(text: str) -> tuple[str, int]:
    """The text as words are compared: composed (Unicode NFC), nothing invisible in it; and how much was left out."""
    text = unicodedata.normalize("NFC", text)
    seen = visible(text)
    return seen, len(text) - len(seen)


def _recognise(head: Lines, text: str) -> str:
    for kind, format in FORMATS.items():
        if format.fits(head):
            return kind
    known = "; ".join(f"{kind}: {format.about}" for kind, format in FORMATS.items())
    at = 1 + text[: text.index(head[0])].count("\n")
    raise CorpusError(f"line {at}: no known format begins with {shorten_repr(head[0])}. Expected {known}")


def _collect(reading: Reading) -> tuple[list[Item], list[str]]:
    """All items, and sentences about the file and the lines that were left out or remarkable."""
    items: list[Item] = []
    words = 0
    bad: list[str] = []
    told: list[str] = []
    remarks: Counter[str] = Counter()
    for at, item in reading:
        if isinstance(item, str):
            told.append(item)
        elif isinstance(item, CorpusError):
            bad.append(f"line {at:,}: {item}")
            if len(bad) > BAD_LINES:
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
    if len(bad) > min(BAD_LINES, max(1, BAD_SHARE * n)) or (bad and not items):
        more = f" (the first such line; {len(bad):,} of the first {n:,} cannot be read)" if len(bad) > 1 else ""
        raise CorpusError(bad[0] + more)
    told += [f"{notes.count(k, 'line')}: {remark}." for remark, k in remarks.items() if remark]
    if bad:
        more = "; ..." if len(bad) > BAD_TOLD else "."
        told.append(f"{notes.count(len(bad), 'line')} of {n:,} left out; {'; '.join(bad[:BAD_TOLD])}{more}")
    return items, told


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
    """Whether there is enough to train on, and to test."""
    own = split(corpus) < 2 if (corpus.part >= 0).any() else np.ones(len(corpus), bool)
    different = len({words for words, counts in zip(corpus.prefixes, own, strict=True) if counts})
    if different < MIN_PREFIXES:
        kept = "to train on" if (corpus.part >= 0).any() else "of which a tenth are kept for the test"
        raise CorpusError(
            f"expected at least {MIN_PREFIXES} different prefixes, {kept}, got {different}; fewer can be a test for others"
        )
    plural = corpus.plural[split(corpus) == 0]
    if len(plural) and (plural.all() or not plural.any()):
        kind = "plural" if plural.any() else "singular"
        raise CorpusError(f"expected singular and plural verbs, got {len(plural):,} prefixes for training that are all {kind}")
    if not all(parts):
        hint = "; a source is in one part as a whole, so more sources are needed" if corpus.source else ""
        raise CorpusError(f"expected prefixes for training, validation and test, got {parts}: add more different ones{hint}")
