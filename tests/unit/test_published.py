"""Published results: the lookups, the UID of minimal pairs, and what a chart, a table and the shell put beside a network."""

import json

import numpy as np
import pytest
from corpus_files import as_linzen

from rnnkit.analysis.lm_summary import OWN_COLUMNS, paradigm_table
from rnnkit.charts.corpora import groups_chart, groups_text
from rnnkit.cli.main import main
from rnnkit.corpus import CorpusError, Pairs, blimp_2020, linzen_2016, read_pairs
from rnnkit.corpus.pairs import MAX_UID_CHARS
from rnnkit.experiment import Experiment
from rnnkit.results.minimal_pairs import MinimalPairs
from rnnkit.studies.minimal_pairs import MAX_PARADIGMS
from rnnkit.studies.minimal_pairs import study as minimal_pairs
from rnnkit.studies.text_report import pair_lines
from rnnkit.tasks.data import STORE

SMALL = Experiment(task="characters", length=8, hidden=6, batch=3, steps=4, replicas=1)
NOUN, CLAUSE = "distractor_agreement_relational_noun", "distractor_agreement_relative_clause"


def blimp(*uids):
    """A pair for each UID (None: none), with words of the example text."""
    lines = []
    for i, uid in enumerate(uids):
        noun, right, wrong = [("bosses", "were", "was"), ("boss", "was", "were")][i % 2]
        subject = " ".join(["the", *[noun] * (1 + i // 2)])
        line = {"sentence_good": f"{subject} {right}", "sentence_bad": f"{subject} {wrong}"}
        lines.append(json.dumps(line if uid is None else line | {"UID": uid}))
    return "\n".join(lines).encode()


def row(by, group, who="network", right=0.5, n=10):
    return {"by": by, "group": group, "n": n, "prefixes": n, "who": who, "right": right, "low": 0.4, "high": 0.6}


def found(*uids):
    return MinimalPairs([row("all", "all"), *(row("paradigm", uid) for uid in uids)], 10, 10, 0, 0, [], 0, 1.0)


# ---- the lookups ----


def test_linzens_values_are_found_by_the_groups_of_the_results():
    assert linzen_2016.published("0") == {0: 99.26} and linzen_2016.published("3") == {3: 84.3}
    assert linzen_2016.published("4+") == {4: 78.61, 5: 74.21}
    assert linzen_2016.published("unknown") == linzen_2016.published("6") == {}
    assert linzen_2016.ERROR == {"LSTM": 0.83, "nouns only": 4.5}


def test_blimps_values_are_found_by_uid():
    assert blimp_2020.published(NOUN) == {"n-gram": 23.5, "LSTM": 76.0, "GPT-2": 79.5, "human": 81.0}
    assert blimp_2020.published("subject_verb_agreement") is None and blimp_2020.published("") is None


def test_the_means_of_blimps_paradigms_are_those_of_its_authors():
    """Over all 67, and over the six of subject and verb."""
    assert np.mean(list(blimp_2020.PARADIGMS.values()), 0)[:3] == pytest.approx([61.240, 69.812, 83.024], abs=1e-3)
    verbs = [values for uid, values in blimp_2020.PARADIGMS.items() if "subject_verb" in uid or "distractor" in uid]
    assert len(blimp_2020.PARADIGMS) == 67 and len(verbs) == 6
    whole = [blimp_2020.SUBJECT_VERB_AGREEMENT[name] for name in blimp_2020.NAMES[:3]]
    assert np.mean(verbs, 0)[:3] == pytest.approx(whole, abs=0.0501)


# ---- the UID of a pair ----


def test_a_uid_is_read_and_stored_with_its_pair():
    pairs = read_pairs(blimp(NOUN, CLAUSE, None))
    assert [item.uid for item in pairs.items] == [NOUN, CLAUSE, ""]
    assert [item.uid for item in Pairs.from_bytes(pairs.to_bytes()).items] == [NOUN, CLAUSE, ""]
    table = read_pairs(f"UID,good,bad\n{NOUN},the boss was,the boss were\n".encode())
    assert [item.uid for item in table.items] == [NOUN]


def test_pairs_without_a_uid_have_the_digest_they_always_had():
    assert "uids" not in read_pairs(blimp(None, None)).content()
    assert read_pairs(blimp(NOUN, None)).digest != read_pairs(blimp(None, None)).digest


@pytest.mark.parametrize("uid", ["x" * (MAX_UID_CHARS + 1), "\x1b[31mred", "a\0b", "\ud800", 7, ["x"], {"x": 1}])
def test_what_is_no_name_is_no_uid(uid):
    assert [item.uid for item in read_pairs(blimp(uid)).items] == [""]


def test_a_pair_of_two_paradigms_counts_once_at_its_first_place():
    lines = blimp(NOUN, CLAUSE).split(b"\n")
    pairs = read_pairs(b"\n".join([*lines, lines[0].replace(NOUN.encode(), b"other")]))
    assert [item.uid for item in pairs.items] == [NOUN, CLAUSE] and "1 pair repeats an earlier one" in pairs.notes[1]


def test_stored_pairs_with_too_few_uids_are_refused():
    values = json.loads(read_pairs(blimp(NOUN, CLAUSE)).to_bytes())
    with pytest.raises(CorpusError):
        Pairs.from_bytes(json.dumps(values | {"uids": [NOUN]}).encode())


# ---- results by paradigm ----


def paradigms(e, data):
    digest = STORE.put(read_pairs(data))
    try:
        *_, result = minimal_pairs(e, 0, pairs=digest)
    finally:
        STORE.drop(digest)
    return [r for r in result.rows if r["by"] == "paradigm"]


def test_pairs_are_grouped_by_uid():
    rows = paradigms(SMALL, blimp(NOUN, CLAUSE, None, CLAUSE))
    assert [(r["group"], r["n"]) for r in rows if r["who"] == "network"] == [(NOUN, 1), (CLAUSE, 2)]
    assert not paradigms(SMALL, blimp(None, None))
    assert len({r["group"] for r in paradigms(SMALL, blimp(*map(str, range(MAX_PARADIGMS + 3))))}) == MAX_PARADIGMS


def test_the_table_has_the_published_columns_where_a_paradigm_is_known():
    header, first, second = paradigm_table(found(NOUN, "mine"), blimp_2020.published)
    assert header[OWN_COLUMNS:] == ["n-gram", "LSTM", "GPT-2", "human"]
    assert first == [NOUN, "10", "50.0 %", "40.0 % to 60.0 %", "23.5 %", "76.0 %", "79.5 %", "81.0 %"]
    assert second == ["mine", "10", "50.0 %", "40.0 % to 60.0 %", "–", "–", "–", "–"]
    assert [len(cells) for cells in paradigm_table(found("mine"), blimp_2020.published)] == [OWN_COLUMNS, OWN_COLUMNS]
    assert paradigm_table(found(), blimp_2020.published) == []


def test_the_shell_prints_the_published_columns_and_what_they_are():
    lines = "\n".join(pair_lines(found(NOUN, "mine"), "word", blimp_2020.published, blimp_2020.ABOUT))
    assert "23.5 %    76.0 %    79.5 %    81.0 %" in lines and blimp_2020.ABOUT in lines
    lines = "\n".join(pair_lines(found("mine"), "word", blimp_2020.published, blimp_2020.ABOUT))
    assert "mine" in lines and "human" not in lines and blimp_2020.ABOUT not in lines


# ---- sentences by attractors ----

ROWS = [row("attractors", group, who) for group in ("0", "3", "4+", "unknown") for who in ("network", "last-noun")]


def test_the_chart_draws_a_diamond_for_each_published_value():
    diamonds = groups_chart(ROWS, "attractors", "attractors", published=True).layer[-1]
    assert diamonds.mark.shape == "diamond" and diamonds.data["right"].tolist() == [0.9926, 0.843, 0.7861, 0.7421]
    assert diamonds.data["label"].tolist() == ["0 (10)", "3 (10)", "4+ (10)", "4+ (10)"]
    assert "diamond" not in groups_chart(ROWS, "attractors", "attractors").to_json()
    text = groups_text(ROWS, "attractors", "attractors", published=True)
    assert text.endswith(f"{linzen_2016.NAME}: 99.26 % at 0, 84.30 % at 3, 78.61 % at 4, 74.21 % at 5.")
    assert "published" not in groups_text(ROWS, "attractors", "attractors")


TRAIN = ["train", "--task", "corpus", "--length", "8", "--hidden", "6", "--replicas", "1", "--steps", "3", "--quiet"]


def test_the_command_line_prints_the_published_column_beside_a_files_sentences(tmp_path, capsys):
    (tmp_path / "linzen.tsv").write_bytes(as_linzen())
    assert main([*TRAIN, "--file", str(tmp_path / "linzen.tsv")]) == 0
    output = capsys.readouterr().out
    assert "published\n" in output and "99.26 %\n" in output and linzen_2016.ABOUT in output
    assert main(TRAIN) == 0 and "published" not in capsys.readouterr().out, "the example's sentences are generated"
