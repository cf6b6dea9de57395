"""What is wrong with a corpus is said, by line, and quickly; whatever the bytes, a sound corpus comes out or a CorpusError."""

import io
import pickle
import zipfile
from pathlib import Path

import pytest
from corpus_files import LINZEN, LONGEST, as_blimp, as_gulordava, as_linzen, as_table, error, replaced
from hypothesis import given
from hypothesis import strategies as st
from treebanks import as_conllu

from rnnkit.corpus import FORMATS, Corpus, CorpusError, read_corpus, read_pairs, read_text
from rnnkit.corpus.decoding import MAX_ALL_WORDS, MAX_LINE_CHARS, MAX_LINES, MAX_WORDS

# ---- what is wrong with a file


def packed():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a", "b")
    return out.getvalue()


NO_TEXT = [
    (b"", "the file is empty"),
    (b" \n\t\n", "the file is empty"),
    (b"\xef\xbb\xbf", "the file is empty"),
    (packed(), "a ZIP archive"),
    (pickle.dumps([1, 2]), "a Python pickle"),
    (b"\x1f\x8b\x08\0", "a gzip archive (.gz), to be unpacked first"),
    (b"\xff\xfep\0r", "UTF-16"),
    ("prefix\tlabel\n".encode("utf-16-le"), "byte 1 of the file: a NUL byte"),
    (b"prefix\tlabel\na\0b\tsg", "line 2, byte 14 of the file: a NUL byte"),
    (b"prefix\tlabel\ncaf\xe9\tsg", "line 2, byte 16 of the file: expected UTF-8, got the byte 0xe9"),
    (b"\xef\xbb\xbfab\n\xff", "line 2, byte 6 of the file: expected UTF-8, got the byte 0xff"),
    (b"\xc3", "byte 0 of the file: expected UTF-8"),
]


@pytest.mark.parametrize(("data", "message"), NO_TEXT, ids=[message for _, message in NO_TEXT])
def test_bytes_that_are_no_text(data, message):
    assert message in error(data)
    with pytest.raises(CorpusError, match="expected"):
        read_text(data)


@pytest.mark.parametrize("read", [read_corpus, read_text, read_pairs])
def test_a_name_in_the_place_of_bytes(read):
    for name in ("sentences.tsv", Path("sentences.tsv")):
        with pytest.raises(
            TypeError, match=r"expected the bytes of a file, such as Path\(name\).read_bytes\(\), got (str|.*Path)"
        ):
            read(name)


def test_sizes():
    assert error(as_table(), max_bytes=1000) == f"the file has {len(as_table()):,} bytes; expected at most 1,000"
    assert error(b"a" * 50_000_000) == "line 1 of the file: 50,000,000 characters; expected at most 20,000, one sentence a line"
    assert error(b"prefix\tlabel\n" + b"a\n" * MAX_LINES).startswith("the file has 200,001 lines; expected at most 200,000")
    assert f"line 3 of the file: {MAX_LINE_CHARS + 1:,} characters" in error(b"prefix\tlabel\n\n" + b"a" * (MAX_LINE_CHARS + 1))
    long = b"a " * (MAX_WORDS + 1) + b"\tsg"
    text = read_corpus(replaced(as_table(), 2, long + b"\t\t")).notes[-1]
    assert f"line 2: expected 1 to {MAX_WORDS} words before the verb, got {MAX_WORDS + 1}" in text
    rows = MAX_ALL_WORDS // MAX_WORDS + 1
    many = b"prefix\tlabel\n" + (b"a " * MAX_WORDS + b"\tsg\n") * rows
    assert f"line {rows + 1:,}: expected at most {MAX_ALL_WORDS:,} words" in error(many)


def test_what_no_format_begins_with():
    message = error(b"Once upon a time there was a corpus.")
    assert message.startswith("line 1: no known format begins with 'Once upon a time there was a corpus.'. Expected ")
    assert all(f"{name}: " in message for name in FORMATS)


@pytest.mark.parametrize(
    ("header", "parts"),
    [
        (b"prefixes\tlabel", ["line 1", "columns prefix, label", "there is no prefix", "found prefixes, label"]),
        (b"label,number,prefix of it", ["there is no prefix, found label, number, prefix of it"]),
        (b"prefix\tlabel\tlabel", ["line 1: expected every column once, found more than once: label"]),
        (b"verb_index\tverb_pos", ["there is no sentence, verb, n_diff_intervening, distance, found verb_index, verb_pos"]),
        (b"\n\nprefix label" + b"\t" * 5000, ["line 3", "(5001 in all)"]),
    ],
)
def test_headers(header, parts):
    message = error(header + b"\nthe cooks\tpl\n")
    assert all(part in message for part in parts), message


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b"the cooks\t\t0\t1", "expected a label (singular, sing, sg or VBZ; plural, plur, pl or VBP), got none"),
        (b"the cooks\tmany\t0\t1", "got 'many'"),
        (b"the cooks\t" + b"x" * 1000 + b"\t0\t1", "x..."),
        (b"\tpl\t0\t1", "expected 1 to 500 words before the verb, got 0"),
        (b"the cooks\tpl\t0\t1\tx", "expected 4 fields as in the header, got 5 in 'the cooks | pl | 0 | 1 | x'"),
        (b"the cooks", "expected a label"),
        (b"the cooks\tpl\t-5\t1", "expected n_attractors from 0 to 2, the words of the prefix, or -1"),
        (b"the cooks\tpl\t1e999\t1", "got '1e999'"),
        (b"the cooks\tpl\t" + b"9" * 5000 + b"\t1", "expected n_attractors from 0 to 2"),
        (b"the cooks\tpl\tinf\t1", "got 'inf'"),
        (b"the cooks\tpl\t0\t3", "expected distance from 1 to 2"),
        ("the cooks\tpl\t²\t1".encode(), "got '²'"),
    ],
)
def test_rows_of_a_table(row, message):
    """One bad row is left out and told; more than one in twenty refuse the file."""
    corpus = read_corpus(replaced(as_table(), 3, row))
    assert len(corpus) == 143
    assert corpus.notes[-1].startswith("1 line of 144 left out; line 3: ")
    assert message in corpus.notes[-1]
    many = as_table()
    for at in range(3, 11):
        many = replaced(many, at, row)
    text = error(many)
    assert text.startswith("line 3: ") and message in text
    assert text.endswith("(the first such line; 8 of the first 144 cannot be read)")


def test_more_than_a_hundred_bad_rows_refuse_any_file():
    rows = [f"the cook {i}\t{'sg' if i % 2 else 'pl'}" for i in range(3000)]
    rows[::30] = ["the cook\tmany"] * 100
    assert "100 lines of 3,000 left out; line 2: " in read_corpus("\n".join(["prefix\tlabel", *rows]).encode()).notes[-1]
    rows[-1] = "the cook\tmany"
    assert "101 of the first 3,000 cannot be read" in error("\n".join(["prefix\tlabel", *rows]).encode())


def test_a_quoted_field_that_is_not_closed():
    """Without commas within cells its rows can be read all the same; else the line is told."""
    stray = read_corpus(replaced(as_table(","), 3, b'"the cooks,pl,0,1'))
    assert len(stray) == 144 and stray.prefixes[1] == ('"', "the", "cooks")
    held = csv_with_commas()
    assert len(read_corpus(held)) == 144
    text = read_corpus(replaced(held, 3, b'"the cooks,"pl","0","1"')).notes[-1]
    assert text.startswith("1 line of 144 left out; line 3: ")
    open_quotes = [line if i % 5 else line[:-1] for i, line in enumerate(held.split(b"\n"), 1)]
    assert "line 5: expected every quoted field to be closed" in error(b"\n".join(open_quotes))


def csv_with_commas():
    """All cells in quotes, and a comma in each prefix."""
    rows = as_table(",").replace(b"near the", b"near; the").split(b"\n")
    return b"\n".join(b'"' + row.replace(b",", b'","').replace(b";", b",") + b'"' for row in rows if row)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "line 5: expected a JSON object on each line, got '{'"),
        (b"[1, 2]", "line 5: expected a JSON object on each line, got a list: '[1, 2]'"),
        (b'{"a":' * 3000, "line 5: expected a JSON object on each line"),
        (b"[" * 15000, "line 5: expected a JSON object on each line"),
        (b"1" * 5000, "line 5: expected a JSON object on each line"),
        (b"{}", "line 5: expected text in the fields one_prefix_prefix, one_prefix_word_good, one_prefix_word_bad"),
        (
            b'{"one_prefix_prefix": 1e999, "one_prefix_word_good": "is", "one_prefix_word_bad": "are"}',
            "found the fields one_prefix_prefix, one_prefix_word_good, one_prefix_word_bad",
        ),
        (
            b'{"one_prefix_prefix": "\\ud800 a", "one_prefix_word_good": "is", "one_prefix_word_bad": "are"}',
            "line 5: expected text in the fields",
        ),
        (
            b'{"one_prefix_prefix": "a\\u0000", "one_prefix_word_good": "is", "one_prefix_word_bad": "are"}',
            "line 5: expected text in the fields",
        ),
        (
            b'{"one_prefix_prefix": "a", "one_prefix_word_good": "sing", "one_prefix_word_bad": "singing"}',
            "line 5: expected two verbs that differ in number, such as is and are, got 'sing' and 'singing'",
        ),
        (
            b'{"one_prefix_prefix": " ", "one_prefix_word_good": "is", "one_prefix_word_bad": "are"}',
            "line 5: expected 1 to 500 words before the verb, got 0",
        ),
    ],
)
def test_odd_lines_of_blimp(line, message):
    """One is left out and told; a file in which more than one in twenty are odd is refused."""
    corpus = read_corpus(replaced(as_blimp(), 5, line))
    assert len(corpus) == 143
    assert corpus.notes[-1].startswith("1 line of 144 left out; line 5: ")
    assert message in corpus.notes[-1]
    many = as_blimp()
    for at in range(5, 20):
        many = replaced(many, at, line)
    text = error(many, format="blimp")
    assert text.startswith("line 5: ")
    assert "15 of the first 144 cannot be read" in text


def test_a_two_prefix_set_of_blimp_without_its_second_prefix():
    line = b'{"sentence_good": "The cooks run.", "two_prefix_prefix_good": "The cooks", "two_prefix_word": "run"}\n'
    text = error(line * 200)
    assert "found the fields sentence_good, two_prefix_prefix_good, two_prefix_word" in text


def test_nothing_is_read_to_the_end_in_vain():
    text = error(b'{"a": 1}\n' * 150_000)
    assert "101 of the first 101 cannot be read" in text


@pytest.mark.parametrize(
    ("sentence", "gold", "message"),
    [
        (
            b"the cooks are happy . <eos>",
            b"6\tare\tis\t0",
            "expected the verb's position from 0 to 5 of 6 words, got '6'",
        ),
        (b"the cooks are happy . <eos>", b"-1\tare\tis\t0", "got '-1'"),
        (b"the cooks are happy . <eos>", b"1e9\tare\tis\t0", "got '1e9'"),
        (b"the cooks are happy . <eos>", b"1\tare\tis\t0", "expected 'are' as word 1 (from 0) of the sentence, found 'cooks'"),
        (b"are the cooks happy ? <eos>", b"0\tare\tis\t0", "expected 1 to 500 words before the verb, got 0"),
        (b"the cooks are happy . <eos>", b"2\tare\tbe\t0", "expected two verbs that differ in number"),
        (b"the cooks are happy . <eos>", b"2\tare\tis", "expected in the .gold file: verb position"),
        (b"the cooks are happy . <eos>", b"2\tare\tis\t-5", "expected attractors from 0 to 2"),
        (b"", b"2\tare\tis\t0", "expected the verb's position from 0 to -1 of 0 words"),
        (b"the cooks are happy . <eos>", b"", "got ''"),
    ],
)
def test_odd_lines_of_gulordava(sentence, gold, message):
    text, answers = as_gulordava()
    corpus = read_corpus(replaced(text, 7, sentence), gold=replaced(answers, 7, gold))
    assert len(corpus) == 143
    assert corpus.notes[-1].startswith("1 line of 144 left out; line 7: ")
    assert message in corpus.notes[-1]


def test_two_files_that_do_not_belong_together():
    text, gold = as_gulordava()
    assert "got 143 and 144" in error(text, gold=b"\n".join(gold.split(b"\n")[1:]))
    assert "are the two files swapped?" in error(gold, gold=text)
    assert "got the sentences alone" in error(text)
    assert "of the .gold file: expected UTF-8" in error(text, gold=b"\xff\xff")
    assert "the .gold file looks like a ZIP archive" in error(text, gold=packed())
    assert "the .gold file is empty" in error(text, gold=b"")
    shifted = b"\n".join([gold.split(b"\n")[-2], *gold.split(b"\n")[:-2]])
    assert "of the first" in error(text, gold=shifted)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("verb_pos", "VBD", "expected verb_pos VBZ (singular) or VBP (plural), got 'VBD'"),
        ("verb_index", "12", "expected the verb's position from 1 to 10 of 10 words, got '12'"),
        ("verb_index", "0", "got '0'"),
        ("verb_index", "5", "as word 5 (from 1) of the sentence"),
        ("n_diff_intervening", "1e999", "expected n_diff_intervening from 0 to 5"),
        ("distance", "-5", "expected distance from 1 to 5"),
    ],
)
def test_odd_lines_of_linzen(column, value, message):
    lines = as_linzen().decode().split("\r\n")
    cells = lines[8].split("\t")
    cells[LINZEN.index(column)] = value
    lines[8] = "\t".join(cells)
    corpus = read_corpus("\n".join(lines).encode())
    assert corpus.notes[-1].startswith("1 line of 144 left out; line 9: ")
    assert message in corpus.notes[-1]


def test_too_little():
    assert "of which a tenth are kept for the test, got 1; fewer can be a test for others" in error(
        b"prefix\tlabel\nthe cook\tsg\n"
    )
    assert "got 0" in error(b"prefix\tlabel\n")
    again = b"prefix\tlabel\n" + b"the cook\tsg\nthe cooks\tpl\n" * 500
    assert error(again).startswith("expected at least 100 different prefixes")
    alike = as_table().replace(b"Plural", b"singular")
    assert error(alike) == "expected singular and plural verbs, got 117 prefixes for training that are all singular"


# ---- whatever comes


def sound(corpus):
    """What every corpus that was read must be."""
    n = len(corpus)
    assert n >= 100
    assert len(corpus.plural) == len(corpus.attractors) == len(corpus.distance) == n
    assert corpus.forms == () or len(corpus.forms) == n
    assert corpus.attractors.min() >= -1
    assert (corpus.distance != 0).all()
    assert corpus.distance.min() >= -1
    for words in corpus.prefixes:
        assert 1 <= len(words) <= MAX_WORDS
        assert all(word and word.split() == [word] for word in words)
    again = Corpus.from_bytes(corpus.to_bytes())
    assert again == corpus
    assert again.notes == corpus.notes
    assert all(len(note) < LONGEST for note in corpus.notes)


def survives(data, **options):
    """True where a corpus came out, False where it was refused; anything else is an error of the test."""
    try:
        corpus = read_corpus(data, **options)
    except CorpusError as refused:
        assert 0 < len(str(refused)) < LONGEST
        return False
    sound(corpus)
    return True


@given(st.binary(max_size=400), st.sampled_from([None, *FORMATS]), st.none() | st.binary(max_size=100))
def test_any_bytes(data, format, gold):
    survives(data, format=format, gold=gold)
    try:
        read_text(data)
    except CorpusError as refused:
        assert len(str(refused)) < LONGEST


HEADS = [
    b"prefix\tlabel\n",
    b"prefix,label,n_attractors\n",
    b'{"',
    b"the cooks are <eos>\n",
    b"\t".join(n.encode() for n in LINZEN),
]


SIGNS = 'ab\t\n\r,;"{}[]:0-1\u2028\x1c\x85 é\ud7ff'


@given(st.sampled_from(HEADS), st.text(alphabet=SIGNS, max_size=200), st.none() | st.text())
def test_any_text_behind_a_known_beginning(head, text, gold):
    survives(head + text.encode(), gold=None if gold is None else gold.encode())


EDITS = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.integers(0, 40),
        st.binary(max_size=6) | st.sampled_from([b"\n", b"\t", b'"', b",", b"{", b"\xc3\xa9"]),
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.parametrize("kind", FORMATS)
@given(edits=EDITS)
def test_damaged_files(kind, edits):
    data, gold = {
        "table": (as_table(), None),
        "blimp": (as_blimp(), None),
        "linzen": (as_linzen(), None),
        "gulordava": as_gulordava(),
        "conllu": (as_conllu(), None),
    }[kind]
    for where, length, new in edits:
        at = int(where * len(data))
        data = data[:at] + new + data[at + length :]
        if gold is not None:
            at = int(where * len(gold))
            gold = gold[:at] + new + gold[at + length :]
    survives(data, gold=gold)


def test_the_files_of_these_tests_survive():
    """So that the tests above do not pass because everything is refused."""
    assert survives(as_table())
    assert survives(as_blimp())
    assert survives(as_linzen())
    assert survives(as_gulordava()[0], gold=as_gulordava()[1])
    assert survives(as_conllu())
    assert not survives(as_table()[:500])
