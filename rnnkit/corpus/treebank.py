"""Reads agreement items from a CoNLL-U treebank (Universal Dependencies) of any language.

An item is a noun with the relation nsubj or nsubj:pass before a finite verb of the same Number. The verb is the head, its
auxiliary or its copula, whichever is finite first. Pairs that differ in number are left out, as in Linzen, Dupoux & Goldberg
2016: coordinations (the man and the woman are), quantities (a number of people are), mistakes.

The package conllu (MIT) parses the format with its multiword tokens, empty nodes and comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rnnkit.corpus import items
from rnnkit.corpus.decoding import CorpusError
from rnnkit.corpus.items import Item, Lines, Reading
from rnnkit.errors import shorten_repr

TOKEN = re.compile(r"\d+(?:[-.]\d+)?(?:\t[^\t]*){9}\s*")  # the ten columns of a token
MAX_TOKENS = 2000  # lines of one sentence
NOUNS = ("NOUN", "PROPN")
FINITE = ("aux", "aux:pass", "cop")  # relations to the head of words that can be the finite verb
NUMBERS = {"Sing": 0, "Plur": 1}
ENGLISH = {"VBZ": 0, "VBP": 1, "NN": 0, "NNS": 1}  # Penn treebank tags, for treebanks without the feature Number

Token = Mapping[str, Any]


def fits(head: Lines) -> bool:
    """Whether the first line that is no comment is a CoNLL-U token."""
    return next((TOKEN.fullmatch(line) is not None for line in head if not line.startswith("#")), False)


def conllu(lines: Lines, gold: Lines | None = None) -> Reading:
    """Reads all items; raises CorpusError without the package conllu, and where no sentence has an item.

    The source of an item is its sentence: items of one sentence begin alike and must be in the same part.
    """
    try:
        import conllu as package
    except ModuleNotFoundError:
        raise CorpusError("expected the package conllu, which reads this format: run  pip install conllu") from None
    sentences = n = 0
    for at, block in _blocks(lines):
        if len(block) > MAX_TOKENS:
            yield (
                at,
                CorpusError(f"expected at most {MAX_TOKENS:,} lines in a sentence, got {len(block):,}: is a blank line missing?"),
            )
            continue
        try:
            (sentence,) = package.parse("\n".join(block))
            words = [token for token in sentence if isinstance(token["id"], int)]
            found = list(_items(words, f"{sentence.metadata.get('sent_id', '')} {at}"))
        except CorpusError as error:
            yield at, error
            continue
        except (package.exceptions.ParseException, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            yield at, CorpusError(f"expected a sentence in CoNLL-U, got {shorten_repr(block[0])}: {shorten_repr(str(error))}")
            continue
        sentences, n = sentences + 1, n + len(found)
        yield from ((at, item) for item in found)
    if sentences and not n:
        raise CorpusError(
            f"expected a noun that is the subject (nsubj) of a finite verb behind it, both of the same Number, got {sentences:,} "
            "sentences without: the features Number and VerbForm=Fin are needed"
        )
    yield 1, f"{sentences:,} sentences: each noun that is the subject (nsubj) of a finite verb behind it is an item."


def _blocks(lines: Lines) -> Iterator[tuple[int, Lines]]:
    """Yields (number of the first line, lines) of every sentence. Blank lines divide them; comments alone are no sentence."""
    block: Lines = []
    for at, line in enumerate([*lines, ""], 1):
        if line.strip():
            block.append(line)
            continue
        if any(not part.startswith("#") for part in block):
            yield at - len(block), block
        block = []


def _items(words: Sequence[Token], source: str) -> Iterator[Item]:
    by_id = {word["id"]: at for at, word in enumerate(words)}
    numbers = [_number(word) for word in words]
    for at, subject in enumerate(words):
        if subject["upos"] != "NOUN" or subject["deprel"] not in ("nsubj", "nsubj:pass") or subject["head"] not in by_id:
            continue
        verb = _finite(words, by_id[subject["head"]])
        if verb is None or verb <= at or numbers[verb] < 0 or numbers[verb] != numbers[at]:
            continue
        nouns = [i for i in range(verb) if words[i]["upos"] in NOUNS and numbers[i] >= 0]
        yield Item(
            items.prefix(tuple(re.sub(r"\s+", "", word["form"].lower()) for word in words[:verb])),
            bool(numbers[verb]),
            attractors=sum(numbers[i] != numbers[verb] for i in nouns if i > at),
            distance=verb - at,
            source=source,
            last_noun=numbers[nouns[-1]],
        )


def _finite(words: Sequence[Token], head: int) -> int | None:
    """Returns the index of the first finite word among the head and its auxiliaries; None where there is none."""
    candidates = [i for i, word in enumerate(words) if word["head"] == words[head]["id"] and word["deprel"] in FINITE]
    return next((i for i in sorted([head, *candidates]) if (words[i]["feats"] or {}).get("VerbForm") == "Fin"), None)


def _number(word: Token) -> int:
    """Returns 0 for singular, 1 for plural, -1 for neither or unknown."""
    feature = (word["feats"] or {}).get("Number")
    return NUMBERS.get(feature, -1) if feature else ENGLISH.get(word["xpos"] or "", -1)
