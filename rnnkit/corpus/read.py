"""From the bytes of a file to a Corpus: read_corpus. Everything that is wrong becomes a CorpusError."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from rnnkit.clip import clip
from rnnkit.corpus import notes
from rnnkit.corpus.data import Corpus
from rnnkit.corpus.formats import FORMATS, Item, Lines, Reading
from rnnkit.corpus.parts import sizes
from rnnkit.corpus.source import MAX_ALL_WORDS, MAX_BYTES, CorpusError, decode, to_lines
from rnnkit.corpus.texts import tidy

MIN_PREFIXES = 100  # different ones: then about ten are left to test, and ten right of ten mean at least 72 % (95 % interval)
ODD_SHARE = 0.1  # so many lines may be unreadable in a published corpus


def read_corpus(
    data: bytes, name: str = "", format: str | None = None, gold: bytes | None = None, max_bytes: int = MAX_BYTES
) -> Corpus:
    """An agreement corpus; `format` is a key of FORMATS, or None to have it recognised; "gulordava" has a second file, `gold`.

    Raises CorpusError that names the line, what was expected and what came.
    """
    if format is not None and format not in FORMATS:
        raise CorpusError(f"unknown format {clip(format)}: valid are {', '.join(FORMATS)}")
    lines = to_lines(decode(data, max_bytes))
    answers = None if gold is None else to_lines(decode(gold, max_bytes, "the .gold file"), "the .gold file")
    kind = format or ("gulordava" if answers is not None else _recognise(lines))
    if answers is not None and kind != "gulordava":
        raise CorpusError(f"a .gold file belongs to the format gulordava, not to {kind}")
    items, remarks = _collect(FORMATS[kind].read(lines, answers), FORMATS[kind].strict)
    how = "as asked for" if format else "recognised by the second file" if answers else "recognised by its first line"
    corpus = _build(items, tidy(name, "corpus"), kind)
    parts = sizes(corpus)
    if not all(parts):
        raise CorpusError(f"expected prefixes for training, validation and test, got {parts}: add more different ones")
    return replace(corpus, notes=(f"Read as {FORMATS[kind].title}, {how}.", *notes.about(corpus, parts), *remarks))


def _recognise(lines: Lines) -> str:
    at, first = next((i, line) for i, line in enumerate(lines, 1) if line.strip())
    for kind, format in FORMATS.items():
        if all(sign in first.lower() for sign in format.signs):
            return kind
    known = "; ".join(f"{kind}: {format.about}" for kind, format in FORMATS.items())
    raise CorpusError(f"line {at}: no known format begins with {clip(first)}. Expected {known}")


def _collect(reading: Reading, strict: bool) -> tuple[list[Item], list[str]]:
    """All items, and sentences about the lines that were skipped or remarkable."""
    items: list[Item] = []
    words = 0
    odd: list[str] = []
    remarks: Counter[str] = Counter()
    for at, item in reading:
        if isinstance(item, CorpusError):
            odd.append(f"line {at:,}: {item}")
            if strict or len(odd) >= 1000 > len(items):
                break
            continue
        items.append(item)
        remarks[item.remark] += 1
        words += len(item.words)
        if words > MAX_ALL_WORDS:
            raise CorpusError(
                f"line {at:,}: expected at most {MAX_ALL_WORDS:,} words in all prefixes together: take a part of it"
            )
    n = len(items) + len(odd)
    if odd and (strict or len(odd) > ODD_SHARE * n):
        more = f" (the first such line; {len(odd):,} of the first {n:,} cannot be read)" if len(odd) > 1 else ""
        raise CorpusError(odd[0] + more)
    told = [f"{notes.count(len(odd), 'line')} of {n:,} left out; {odd[0]}."] if odd else []
    return items, told + [f"{notes.count(k, 'line')}: {remark}." for remark, k in remarks.items() if remark]


def _build(items: list[Item], name: str, kind: str) -> Corpus:
    forms = tuple(item.forms for item in items if item.forms)
    corpus = Corpus(
        name=name,
        format=kind,
        prefixes=tuple(item.words for item in items),
        plural=np.array([item.plural for item in items], bool),
        attractors=np.array([item.attractors for item in items], np.int16),
        distance=np.array([item.distance for item in items], np.int16),
        forms=forms if len(forms) == len(items) else (),
        notes=(),
    )
    different = len(set(corpus.prefixes))
    if different < MIN_PREFIXES:
        raise CorpusError(
            f"expected at least {MIN_PREFIXES} different prefixes, of which a tenth are kept for the test, got {different}"
        )
    if corpus.plural.all() or not corpus.plural.any():
        number = "plural" if corpus.plural.any() else "singular"
        raise CorpusError(f"expected singular and plural verbs, got {len(corpus):,} prefixes that are all {number}")
    return corpus
