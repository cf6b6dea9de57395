"""Files of sentences in the forms that people have."""

import csv
import io
import json

import pytest

from rnnkit.corpus import CorpusError, read_corpus

NOUNS = ["baker", "painter", "teacher", "sailor", "singer", "miner", "farmer", "driver", "writer", "runner", "dealer", "rider"]

LONGEST = 800  # characters of a message


def sentences(n=144):
    """(words, plural, attractors, distance): the baker near the painters"""
    made = []
    for i in range(n):
        subject, other = NOUNS[i % 12], NOUNS[i // 12 % 12]
        plural, same = i % 2 == 0, i % 3 == 0
        words = ["the", subject + "s" * plural, "near", "the", other + "s" * (plural == same)]
        made.append((words, plural, int(not same), 4))
    return made


def as_table(delimiter="\t", quoting=csv.QUOTE_MINIMAL, end="\n", columns=("prefix", "label", "n_attractors", "distance")):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=end)
    writer.writerow(columns)
    for words, plural, attractors, distance in sentences():
        row = {
            "prefix": " ".join(words),
            "label": ["singular", "Plural"][plural],
            "n_attractors": attractors,
            "distance": distance,
        }
        writer.writerow([row[name] for name in columns])
    return out.getvalue().encode()


def as_blimp():
    pairs = [("is", "are"), ("was", "were"), ("has", "have"), ("doesn't", "don't"), ("runs", "run"), ("tries", "try")]
    lines = []
    for i, (words, plural, _, _) in enumerate(sentences()):
        good, bad = pairs[i % len(pairs)][:: -1 if plural else 1]
        prefix = " ".join(words).capitalize()
        lines.append({"one_prefix_prefix": prefix, "one_prefix_word_good": good, "one_prefix_word_bad": bad, "pairID": str(i)})
    return "\n".join(map(json.dumps, lines)).encode()


def as_gulordava():
    text, gold = [], []
    for words, plural, attractors, _ in sentences():
        right, wrong = ("are", "is") if plural else ("is", "are")
        text.append(" ".join([*words, right, "happy", ".", "<eos>"]))
        gold.append(f"{len(words)}\t{right}\t{wrong}\t{attractors}")
    return "\n".join(text).encode() + b"\n", "\n".join(gold).encode() + b"\n"


LINZEN = (
    "sentence orig_sentence pos_sentence subj verb subj_pos has_rel has_nsubj verb_pos subj_index verb_index n_intervening "
    "last_intervening n_diff_intervening distance max_depth all_nouns nouns_up_to_verb"
).split()


def as_linzen():
    out = io.StringIO()
    writer = csv.writer(out, delimiter="\t")  # as Linzen's own code writes it: \r\n
    writer.writerow(LINZEN)
    for words, plural, attractors, distance in sentences():
        verb = ["works", "work"][plural]
        whole = [*words, verb, "``", "hard", "''", "."]
        tagged = [{"baker": "NN", "bakers": "NNS"}.get(word, word) for word in whole]
        row = {
            "sentence": " ".join(tagged),
            "orig_sentence": " ".join(whole),
            "verb": verb,
            "verb_pos": ["VBZ", "VBP"][plural],
            "subj_index": 2,
            "verb_index": 6,
            "n_intervening": 1,
            "n_diff_intervening": attractors,
            "distance": distance,
        }
        writer.writerow([row.get(name, "na") for name in LINZEN])
    return out.getvalue().encode()


def check(corpus, attractors=True, distance=True):
    """It holds what sentences() says."""
    made = sentences()
    assert corpus.prefixes == tuple(tuple(words) for words, *_ in made)
    assert corpus.plural.tolist() == [plural for _, plural, *_ in made]
    assert corpus.attractors.tolist() == [a if attractors else -1 for *_, a, _ in made]
    assert corpus.distance.tolist() == [d if distance else -1 for *_, d in made]


def error(data, **options):
    with pytest.raises(CorpusError) as caught:
        read_corpus(data, **options)
    assert len(str(caught.value)) < LONGEST
    return str(caught.value)


def replaced(data, line, new):
    """The file with another line there, counted from 1."""
    lines = data.split(b"\n")
    lines[line - 1] = new
    return b"\n".join(lines)
