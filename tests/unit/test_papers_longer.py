"""Papers: the test of their networks on longer sequences than those of the training."""

import math
from dataclasses import replace

import pytest
from tiny_papers import BASE, part

from rnnkit import Experiment
from rnnkit.cli.main import main
from rnnkit.glossary.sources import SOURCES
from rnnkit.papers import BUDGETS, PAPERS, Paper, longer, record
from rnnkit.papers.base import LongerTest
from rnnkit.studies import other_lengths
from rnnkit.sweep import recorded
from rnnkit.sweep.executors import InProcess

TINY = Paper(SOURCES["pascanu"], "It holds.", (part(),))
SHORT = Experiment(task="temporal-order-lengths", length=30, **BASE, steps=8)


def longer_test(**changes):
    return replace(
        LongerTest("Longer", "Longer ones work.", ("Fewer steps.",), dict.fromkeys(BUDGETS, SHORT), (20, 40, 50), 0.0, n=500),
        **changes,
    )


def test_a_longer_test_is_the_study_of_its_networks():
    *shares, found = longer.run(longer_test(), "minutes")
    *_, expected = other_lengths.study(SHORT, [30, 40, 50], 500)
    assert found["key"] == SHORT.key and found["lengths"] == [30, 40, 50] and found["n"] == 500
    assert found["wrong"] == expected.wrong.tolist() and shares == sorted(shares) and 0 <= shares[0] <= shares[-1] <= 1


def found(*wrong):
    return {
        "key": SHORT.key,
        "lengths": [30, 40, 50][: len(wrong)],
        "wrong": [list(row) for row in wrong],
        "n": 500,
        "seconds": 1.0,
    }


@pytest.mark.parametrize(
    "wrong, text",
    [
        ([(0, 0, 0.5), (0.002, 0.01, 1), (0.5, 0.75, 0.75)], "at most 1 % wrong up to 40 time steps, and 75 % at 50"),
        ([(0.02, 0.5, 0.5), (0.4, 0.5, 0.6), (0.5, 0.5, 0.5)], "more than 1 % wrong at every length, and 50 % at 50"),
        ([(0, 0, 0), (0, 0, 0), (0, 0, 0)], "at most 1 % wrong up to 50 time steps, and 0 % at 50"),
        ([(0, math.nan, math.nan)], "more than 1 % wrong at every length, and 100 % at 30"),
    ],
)
def test_what_a_longer_test_comes_to(wrong, text):
    assert text in longer.sentence(longer_test(), found(*wrong))


def test_the_rows_of_a_longer_test():
    test = longer_test(published=0.02)
    rows = longer.rows(test, found((0, 0.0002, 0.004), (0.055, 0.3, math.nan)))
    assert rows == [["30", "0.020 %", "0 % to 0.40 %", "–"], ["40", "30 %", "5.5 % to 100 %", "2.0 %"]]
    assert "The paper's has 2.0 % wrong there. 500 sequences" in longer.sentence(test, found((0, 0, 0)))


def test_a_longer_test_is_recorded_reported_and_printed(monkeypatch, tmp_path, capsys):
    paper = replace(TINY, longer=longer_test())
    monkeypatch.setattr("rnnkit.cli.sweep.default_executor", InProcess)
    monkeypatch.setitem(PAPERS, "tiny", paper)
    assert main(["papers", "tiny", "--out", str(tmp_path), "--quiet"]) == 0
    read, out = recorded.read(tmp_path / "tiny.json"), capsys.readouterr().out
    was = longer.of(paper.longer, read.about)
    *_, expected = longer.run(paper.longer, "minutes")
    assert {k: v for k, v in was.items() if k != "seconds"} == {k: v for k, v in expected.items() if k != "seconds"}
    text = (tmp_path / "tiny.md").read_text("utf-8")
    assert longer.sentence(paper.longer, was) in text and longer.sentence(paper.longer, was) in out
    assert all("| " + " | ".join(row) + " |" in text for row in longer.rows(paper.longer, was))
    other = longer_test(budgets=dict.fromkeys(BUDGETS, replace(SHORT, seed=9)))
    assert longer.of(other, read.about) is None and longer.of(other, {"budget": "minutes"}) is None, "not of these networks"


def test_a_longer_test_that_fails_is_said_and_the_parts_are_written(monkeypatch, tmp_path, capsys):
    wrong = longer_test(budgets=dict.fromkeys(BUDGETS, SHORT))
    monkeypatch.setattr("rnnkit.cli.sweep.default_executor", InProcess)
    monkeypatch.setitem(PAPERS, "tiny", replace(TINY, longer=replace(wrong, n=0)))
    assert main(["papers", "tiny", "--out", str(tmp_path), "--quiet"]) == 1
    assert "n must be at least 1, got 0: Longer" in capsys.readouterr().err
    assert recorded.read(tmp_path / "tiny.json").runs and "## Longer" not in (tmp_path / "tiny.md").read_text("utf-8")


def test_a_longer_test_needs_an_experiment_for_each_budget():
    with pytest.raises(ValueError, match=r"Longer: expected an Experiment for each of minutes, hours, full"):
        Paper(SOURCES["pascanu"], "It holds.", (part(),), longer_test(budgets={"minutes": SHORT}))


@pytest.mark.parametrize("name", [name for name, paper in PAPERS.items() if paper.longer])
def test_the_recorded_longer_test_is_of_the_papers_networks(name):
    test, record_ = PAPERS[name].longer, record.recorded_results(name)
    was = longer.of(test, record_.about)
    assert was and was["lengths"] == test.tested(record_.about["budget"]) and was["n"] == test.n
