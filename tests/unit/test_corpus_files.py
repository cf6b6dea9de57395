"""Files in the forms that people really have: what spreadsheets, pandas, R, treebanks and published corpora write."""

import csv
import io
import json

import numpy as np
import pytest
from corpus_files import as_blimp, as_gulordava, as_table, check, error, replaced

from rnnkit.corpus import Corpus, no_last_noun, predictions, read_corpus, read_suite

ROWS = ["the lamp on the hill", "the lamps on the hill", "a bridge on the hill", "two bridges on the hill"]


def suite(text, **options):
    return read_suite(text if isinstance(text, bytes) else text.encode(), **options)


def prefixes(found: Corpus):
    return [" ".join(words) for words in found.prefixes]


# ---- marks


def test_marks_that_are_words_are_words_in_all_rows():
    """One row cannot be read with quotes; so in no row they are quotes."""
    rows = ["prefix\tlabel", "the lamp\tsg", '" Garden "\tsg', '" gardens " in May\tpl', "the lamps\tpl"]
    assert prefixes(suite("\n".join(rows))) == ["the lamp", '" garden "', '" gardens " in may', "the lamps"]


def test_marks_around_whole_cells_with_spaces_inside_are_words():
    assert prefixes(suite('prefix\tlabel\n" Garden "\tsg\n')) == ['" garden "']


def test_marks_around_all_cells_are_quotes():
    assert prefixes(suite('"prefix"\t"label"\n"the garden"\t"sg"\n')) == ["the garden"]


def test_a_quoted_cell_with_a_line_break():
    found = suite('prefix,label\n"the lamp\non the hill",sg\nthe lamps,pl\n,\nthe cooks,many\n')
    assert prefixes(found) == ["the lamp on the hill", "the lamps"]
    assert found.notes[-1].startswith("1 line of 3 left out; line 6: "), "lines are counted as an editor counts them"


def test_marks_as_python_writes_them_and_as_r_writes_them():
    out = io.StringIO()
    csv.writer(out, delimiter="\t").writerows([["prefix", "label"], ['the " lamp "', "sg"], ['" lamps', "pl"]])
    assert prefixes(suite(out.getvalue())) == ['the " lamp "', '" lamps']
    r = '"prefix"\t"label"\n"the \\" lamp \\""\t"sg"\n"the lamps"\t"pl"\n'  # write.table(sep = "\t", row.names = FALSE)
    assert prefixes(suite(r)) == ['the " lamp "', "the lamps"]


# ---- cells and rows


@pytest.mark.parametrize("end", ["", "\n", "\t\n", "\n\n \n"])
def test_empty_cells_at_the_end_are_unknown_in_every_row(end):
    head, rows = (
        "prefix\tlabel\tn_attractors\tdistance\nthe lamp\tsg\t0\t1\n",
        "the lamps on the hill\tpl\t\t\nthe bridge\tsg\t1\t",
    )
    found = suite(head + rows + end)
    assert found.attractors.tolist() == [0, -1, 1]
    assert found.distance.tolist() == [1, -1, -1]


def test_cells_that_an_editor_cut_off_are_unknown_and_told():
    found = suite("prefix\tlabel\tn_attractors\tdistance\nthe lamp\tsg\nthe lamps\tpl\t0\n")
    assert found.attractors.tolist() == [-1, 0]
    assert "2 rows with fewer cells than the header: what is missing counts as unknown." in found.notes


def test_rows_that_a_spreadsheet_cleared():
    rows = [f"{prefix};{'pl' if i % 2 else 'sg'};0;4" for i, prefix in enumerate(ROWS)]
    text = "\r\n".join(["\ufeffPrefix;Label;n_attractors;distance", ";;;", *rows, ";;;", ";;;", ""])
    found = suite(text)
    assert prefixes(found) == ROWS
    assert found.plural.tolist() == [False, True, False, True]
    assert any(note.startswith("3 rows without a value") for note in found.notes)


@pytest.mark.parametrize("unknown", ["", "-1", "-999", "NA", "nan", "None"])
def test_what_stands_for_unknown(unknown):
    found = suite(f"prefix\tlabel\tn_attractors\nthe lamp\tsg\t{unknown}\nthe lamps\tpl\t0\n")
    assert found.attractors.tolist() == [-1, 0]


def test_lines_above_the_header_comments_and_a_repeated_header():
    text = "My sentences;;\n# from a treebank\n\nlabel;prefix;year\nsg;the lamp;1\nlabel;prefix;year\n# more\npl;the lamps;2\n"
    found = suite(text)
    assert prefixes(found) == ["the lamp", "the lamps"]
    assert "Columns that are not used: year." in found.notes
    assert "1 row like the header." in found.notes


def test_the_first_line_of_excels_own_csv():
    assert prefixes(suite("sep=;\r\nprefix;label\r\nthe lamp, old;sg\r\n")) == ["the lamp , old"]


def test_unicode_text_of_excel():
    assert read_corpus(as_table().decode().encode("utf-16")) == read_corpus(as_table())


def test_two_unnamed_columns_are_no_fault():
    assert prefixes(suite("prefix\tlabel\t\t\nthe lamp\tsg\t\t\n")) == ["the lamp"]


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("delimiter", "\t,;")
def test_a_table_of_labels_and_prefixes_without_a_header(order, delimiter):
    rows = [("VBP" if i % 2 else "VBZ", prefix)[:: -1 if order else 1] for i, prefix in enumerate(ROWS)]
    found = suite("\n".join(delimiter.join(row) for row in rows))
    assert prefixes(found) == ROWS
    assert found.plural.tolist() == [False, True, False, True]


# ---- BLiMP


def pair(term, prefix, good, bad):
    return json.dumps(
        {"linguistics_term": term, "one_prefix_prefix": prefix, "one_prefix_word_good": good, "one_prefix_word_bad": bad}
    )


def test_a_set_that_is_not_about_verbs_is_refused_also_in_a_joined_file():
    """number("lamp", "lamps") would say plural: the noun without -s is the singular one."""
    nouns = pair("determiner_noun_agreement", "Anna repaired this", "lamp", "lamps")
    text = error(nouns.encode() + b"\n" + as_blimp())
    assert text.startswith("line 1: ") and "linguistics_term subject_verb_agreement), got 'determiner_noun_agreement'" in text
    text = error(as_blimp() + b"\n" + nouns.encode())
    assert text.startswith("line 145: ") and "determiner_noun_agreement" in text


def test_the_name_of_a_set_tells_it_where_the_term_is_missing():
    text = error(as_blimp().replace(b'"pairID"', b'"UID": "determiner_noun_agreement_1", "pairID"'))
    assert "determiner_noun_agreement_1" in text
    check(read_corpus(as_blimp().replace(b'"pairID"', b'"UID": "distractor_agreement_relative_clause", "pairID"')), False, False)


@pytest.mark.parametrize(("verb", "plural"), [("shine", True), ("shines", False), ("have", True), ("was", False)])
def test_a_two_prefix_pair_is_two_items(verb, plural):
    record = {"two_prefix_prefix_good": "The lamps", "two_prefix_prefix_bad": "The lamp", "two_prefix_word": verb}
    found = suite(json.dumps(record | {"linguistics_term": "subject_verb_agreement"}))
    assert prefixes(found) == ["the lamps", "the lamp"]
    assert found.plural.tolist() == [plural, not plural]


# ---- Gulordava et al.

TEXT = b"""A green answer painted in nine towers there call seven " bridges " , but the lamps are colder than this . <eos>
The idea to hold in mind is that all lamps are cold . <eos>
"""
PLACE = "L!NOUN_VERB_VERB!Number=Plur!Number=Sing"
FEATURES = "Mood=Ind|Number=Sing|Tense=Pres|VerbForm=Fin"
GOLD = f"""{PLACE}\t1\t7\t6\tVERB\t{FEATURES}\tcalls\tcall\tcall\t2\tNOUN\tA formal answer given in May says
{PLACE}\t0\t0\t6\tVERB\t{FEATURES}\tis\tare\tbe\t1\tNOUN\tThe idea to hold in mind is
"""


def test_the_gold_of_generated_sets():
    """The position counts: word 6 of the first sentence is "towers"."""
    found = suite(TEXT, gold=GOLD.encode())
    assert prefixes(found) == ["a green answer painted in nine", "the idea to hold in mind"]
    assert found.plural.tolist() == [False, False]
    assert found.forms == (("calls", "call"), ("is", "are"))
    assert found.distance.tolist() == [4, 5]
    assert found.attractors.tolist() == [-1, -1]
    assert len(set(found.source)) == 2


def test_the_gold_of_generated_sets_in_another_language():
    gold = "L!X!Number=Sing!Number=Plur\t8\t0\t4\tVERB\tNumber=Plur|VerbForm=Fin\tpresero\tprese\t_\t1\tNOUN\tI ponti"
    found = suite("I ponti di Roma presero fuoco . <eos>", gold=gold.encode())
    assert (prefixes(found), found.plural.tolist(), found.forms) == (["i ponti di roma"], [True], (("presero", "prese"),))


def test_the_table_of_generated_sets_has_two_rows_an_item():
    names = "pattern constr_id sent_id correct_number form class type prefix n_attr punct freq len_context len_prefix sent"
    head = names.replace(" ", "\t")
    sent = '"A ""green"" answer . <eos>"'
    row = f"L__NOUN_VERB_VERB\t1\t7\tsing\t{{}}\tgenerated\tA green answer\t0\tFalse\t20\t2\t3\t{sent}"
    found = suite("\n".join([head, row.format("calls\tcorrect"), row.format("call\twrong")]))
    assert (prefixes(found), found.plural.tolist()) == (["a green answer"], [False])
    assert (found.attractors.tolist(), found.distance.tolist(), found.forms) == ([0], [2], (("calls", "call"),))
    assert found.source == ("L__NOUN_VERB_VERB 1",)
    assert "Columns that are not used: type, punct, freq, len_prefix, sent." in found.notes


def test_attractors_that_were_not_counted():
    found = suite(
        "The painter near the lamp waves\nThe painters near the lamp wave\n", gold=b"5\twaves\twave\t-999\n5\twave\twaves\t-999\n"
    )
    assert found.plural.tolist() == [False, True]
    assert found.attractors.tolist() == [-1, -1]


def test_pairs_of_another_language_are_not_given_english_numbers():
    text = error(b"der Maler ist alt . <eos>\n", gold=b"2\tist\tsind\t0\n")
    assert "got 'ist' and 'sind'" in text


# ---- the last noun

ITALIAN = ["il ponte vicino alla torre", "i ponti vicino alle torri", "la casa", "le case", "gli amici della ragazza"]


def many(rows, n=160, columns="prefix\tlabel"):
    """Each row with a word of its own in front."""
    return "\n".join([columns, *(f"x{i} {rows[i % len(rows)]}" for i in range(n))]).encode()


def test_the_last_noun_of_another_language_is_not_guessed():
    rows = [f"{prefix}\t{'sg' if i % 2 == 0 else 'pl'}" for i, prefix in enumerate(ITALIAN)]
    corpus = read_corpus(many(rows))
    items = np.arange(len(corpus))
    assert set(predictions(corpus, items)) == {"majority", "bag-of-words"}
    assert "do not look English" in no_last_noun(corpus, items)
    assert not no_last_noun(read_corpus(as_table()), np.arange(3))


def test_a_column_gives_the_number_of_the_last_noun():
    rows = [
        f"{prefix}\t{'sg' if i % 2 == 0 else 'pl'}\t{'plur' if prefix[-1] == 'i' else 'sg'}" for i, prefix in enumerate(ITALIAN)
    ]
    rows[2] = rows[2].rsplit("\t", 1)[0] + "\t"
    corpus = read_corpus(many(rows, columns="prefix\tlabel\tlast_noun"))
    items = np.arange(5)
    found = predictions(corpus, items)
    majority = bool(found["majority"][0])
    assert not no_last_noun(corpus, items)
    assert found["last-noun"].tolist() == [False, True, majority, False, False]
    assert found["opposite"].tolist() == [True, False, majority, True, True]


def test_a_gold_file_and_blank_lines_at_its_end():
    text, gold = as_gulordava()
    check(read_corpus(text + b"\n", gold=gold + b"\t\n\n"), distance=False)


def test_a_bad_number_of_the_last_noun_is_told():
    data = replaced(as_table(columns=("prefix", "label")), 1, b"prefix\tlabel\tlast_noun")
    assert "expected a label" in read_corpus(replaced(data, 2, b"the cook\tsg\tboth")).notes[-1]
