"""File formats of agreement corpora: FORMATS has one reader for each.

A reader is a generator over lines. It yields (line number, Item), (line number, CorpusError) where a line is unreadable, and
(line number, text) for a note about the file. It raises CorpusError where the whole file is unreadable, as without a column.

Sources: Linzen, Dupoux & Goldberg 2016 (columns as collect_agreement.py in their rnn_agreement writes them), Gulordava et
al. 2018 (data/linzen_testset and data/agreement of colorlessgreenRNNs), Warstadt et al. 2020 (BLiMP), Universal Dependencies 2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from rnnkit.corpus import items, tables, treebank
from rnnkit.corpus.decoding import CorpusError, is_storable_text, to_record, to_words
from rnnkit.corpus.items import Item, Lines, Reading
from rnnkit.corpus.verbs import ending, number
from rnnkit.errors import join_names, shorten_repr


@dataclass(frozen=True)
class Format:
    """One file format: how to recognise it and how to read it."""

    title: str
    about: str  # what such a file holds, for menus and messages
    fits: Callable[[Lines], bool]  # takes the first lines that are not blank
    read: Callable[[Lines, Lines | None], Reading]  # takes the lines, and those of the .gold file


# ---- BLiMP

BLIMP_FIELDS = ("one_prefix_prefix", "one_prefix_word_good", "one_prefix_word_bad")
TWO_PREFIX_FIELDS = ("two_prefix_prefix_good", "two_prefix_prefix_bad", "two_prefix_word")
AGREEMENT = "subject_verb_agreement"  # linguistics_term of the sets about verbs
VERB_SETS = (AGREEMENT, "distractor_agreement")  # parts of the UIDs of those sets, for files without the term


def blimp(lines: Lines, gold: Lines | None = None) -> Reading:
    """Reads BLiMP's JSON lines. The good and the bad word give the verb's number; attractors and distances are unknown.

    A line of a two-prefix set is two items: one verb, two subjects. Raises CorpusError for sets that are not about subject
    and verb: in "this lamp | lamps" the form without -s is the singular.
    """
    for at, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = to_record(line)
        except CorpusError as error:
            yield at, error
            continue
        term = str(record.get("linguistics_term") or record.get("UID") or AGREEMENT)
        if not any(name in term.lower() for name in VERB_SETS):
            raise CorpusError(
                f"line {at:,}: expected sentences about a verb and its subject (linguistics_term {AGREEMENT}), "
                f"got {shorten_repr(term)}: these forms do not tell whether a verb is singular or plural; "
                "a language model can be asked about such pairs"
            )
        yield from ((at, item) for item in _blimp_items(record))


def _blimp_items(record: dict[str, Any]) -> Iterator[Item | CorpusError]:
    try:
        if (texts := _texts(record, BLIMP_FIELDS)) is not None:
            yield _one_prefix(*texts)
        elif (texts := _texts(record, TWO_PREFIX_FIELDS)) is not None:
            good, bad, verb = texts
            plural = ending(verb)
            yield Item(items.prefix(to_words(good)), plural)
            yield Item(items.prefix(to_words(bad)), not plural)
        else:
            raise CorpusError(
                f"expected text in the fields {', '.join(BLIMP_FIELDS)} (or those of a two-prefix set), "
                f"found the fields {join_names(record)}"
            )
    except CorpusError as error:
        yield error


def _texts(record: dict[str, Any], fields: Iterable[str]) -> tuple[str, str, str] | None:
    texts = tuple(text for field in fields if isinstance(text := record.get(field), str) and is_storable_text(text))
    return texts if len(texts) == 3 else None


def _one_prefix(prefix: str, good: str, bad: str) -> Item:
    plural = number(good, bad)
    if plural is None:
        raise items.no_pair(good, bad)
    return Item(items.prefix(to_words(prefix)), plural, forms=(good, bad))


# ---- Gulordava et al.

GOLD = "the .gold file: verb position (from 0), right form, wrong form and attractors, separated by tabs"
NUMBER = re.compile(r"(?:^|\|)Number=(Sing|Plur)(?:\||$)")  # within the features of Universal Dependencies


def gulordava(lines: Lines, gold: Lines | None = None) -> Reading:
    """Reads sentences; the .gold file has each verb's position, right form, wrong form and number of attractors.

    Where both forms are the same word (edit, edit), its ending decides the number. In the generated sets the .gold file has
    the verb's features, which give the number in any language. Raises CorpusError where the files do not belong together.
    """
    if gold is None:
        raise CorpusError(f"expected two files, the sentences and {GOLD}; got the sentences alone")
    if len(lines) != len(gold):
        raise CorpusError(f"expected as many lines in the .gold file as sentences, got {len(gold):,} and {len(lines):,}")
    for at, (sentence, answer) in enumerate(zip(lines, gold, strict=True), 1):
        if sentence.strip() or answer.strip():
            cells = answer.split("\t")
            features = next((i for i, cell in enumerate(cells) if NUMBER.search(cell)), 0)
            try:
                yield at, _generated_item(sentence, cells, features) if features else _gold_item(sentence, cells)
            except CorpusError as error:
                yield at, error


def _generated_item(sentence: str, cells: list[str], features: int) -> Item:
    """Columns: pattern, constr_id, sent_id, position, part of speech, features, right form, wrong form, lemma, subject position.

    The sentence's word at the position is one that the generator has put there, so it is not compared.
    """
    if features < 5 or len(cells) < features + 3:
        raise CorpusError(
            f"expected in the .gold file position, part of speech, features and two forms, got {shorten_repr(cells)}"
        )
    words = to_words(sentence, "")
    at = items.position(cells[features - 2], words, 0)
    found = NUMBER.search(cells[features])
    assert found is not None
    subject = cells[features + 4].strip() if len(cells) > features + 4 else ""
    kind = cells[features - 1].strip()
    return Item(
        items.prefix(words[:at]),
        found[1] == "Plur",
        distance=at - int(subject) if subject.isdecimal() and len(subject) < 9 and int(subject) < at else -1,
        forms=(cells[features + 1].strip(), cells[features + 2].strip()),
        source=" ".join(cells[:2]),
        remark="" if kind in ("VERB", "AUX") else "the word that agrees is no verb but a noun or an adjective",
    )


def _gold_item(sentence: str, cells: list[str]) -> Item:
    if len(cells) != 4:
        swapped = "; are the two files swapped?" if sentence.count("\t") >= 3 else ""
        raise CorpusError(f"expected in {GOLD}; got {shorten_repr(chr(9).join(cells))}{swapped}")
    words = tuple(sentence.lower().split())
    right, wrong = cells[1].strip(), cells[2].strip()
    at = items.position(cells[0], words, 0)
    if words[at] != right.lower():
        raise CorpusError(
            f"expected {shorten_repr(right)} as word {at} (from 0) of the sentence, found {shorten_repr(words[at])}"
        )
    plural, remark = number(right, wrong), ""
    if plural is None and right == wrong:
        plural, remark = ending(right), "the right and the wrong form are the same word; its ending decided the number"
    if plural is None:
        raise items.no_pair(right, wrong)
    prefix = items.prefix(words[:at])
    return Item(prefix, plural, items.count("attractors", cells[3], 0, len(prefix)), forms=(right, wrong), remark=remark)


FORMATS: dict[str, Format] = {
    "blimp": Format(
        "BLiMP, JSON lines",
        f"JSON lines about subject and verb with {', '.join(BLIMP_FIELDS)}",
        lambda head: head[0].lstrip().startswith("{"),
        blimp,
    ),
    "conllu": Format(
        "CoNLL-U treebank",
        "sentences in CoNLL-U with nsubj and Number (Universal Dependencies)",
        treebank.fits,
        treebank.conllu,
    ),
    "linzen": Format(
        "Linzen et al. 2016, TSV",
        f"a table with the columns {', '.join(tables.LINZEN_COLUMNS)}",
        tables.is_linzen,
        tables.linzen,
    ),
    "gulordava": Format(
        "Gulordava et al. 2018, .text and .gold",
        f"sentences that end with <eos>, and {GOLD}",
        lambda head: "<eos>" in head[0] and "\t" not in head[0],
        gulordava,
    ),
    "table": Format(
        "table of prefixes",
        "a TSV or CSV with the columns prefix and label, perhaps n_attractors, distance, split, source, last_noun",
        tables.is_table,
        tables.table,
    ),
}
