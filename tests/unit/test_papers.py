"""Papers: a Paper's checks, comparison, verdict, report, chart, record, and `rnnkit papers` with a tiny one."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT
from stored_results import rows_of
from tiny_papers import part

from rnnkit.charts.papers import paper_chart
from rnnkit.cli.main import main
from rnnkit.glossary.sources import SOURCES
from rnnkit.papers import BUDGETS, PAPERS, Paper, Published, record
from rnnkit.papers.base import ACCURACY, MEASURES, NETWORKS, SEQUENCES
from rnnkit.papers.comparison import COLUMNS, comparison, distance, verdict
from rnnkit.papers.report import HEADER, cells, figure, report
from rnnkit.studies.training_outcome import study
from rnnkit.sweep import recorded
from rnnkit.sweep.executors import InProcess


def known(made, solved):
    """Made-up rows: solved is (variant, value of the axis) -> how many networks solve it, at training step 2; or NaN for none."""
    rows = {}
    for c in made.budgets["minutes"].combinations:
        n = solved.get((c.variant, c.axes[made.axis]))
        if n is not None:
            every = rows_of(c.experiment)
            rows[c.experiment.key] = [row if row.network < n else replace(row, solved_step=None) for row in every]
    return rows


def said(made, solved):
    return verdict(made, comparison(made, "minutes", known(made, solved)))


# ---- Paper and Part ----


@pytest.mark.parametrize("name", PAPERS)
def test_every_paper_can_be_swept_and_compared(name):
    paper = PAPERS[name]
    assert paper.source.link.startswith("https://") and paper.claim.endswith(".")
    for of in paper.parts:
        assert of.setup and of.differences and ":" not in of.title
        assert of.counts in MEASURES
        for budget in BUDGETS:
            assert not of.budgets[budget].refused, budget
            table = comparison(of, budget, {})
            assert not table.networks.any() and {p.variant for p in of.published} <= {*of.budgets[budget].variants}
            assert table.published.notna().sum() == sum(p.value is not None for p in of.published)
        values = [p.value for p in of.published if p.value is not None]
        assert all(0 <= value <= 1 if of.is_share else value >= 1 for value in values)


def test_a_part_needs_a_sweep_over_one_axis_for_each_budget():
    made = part()
    Paper(SOURCES["pascanu"], "It holds.", (made,))
    two = replace(made.budgets["full"], axes={"length": [7], "gain": [1.0]})
    for wrong in ({"minutes": made.budgets["minutes"]}, {**made.budgets, "full": two}):
        with pytest.raises(ValueError, match=r"Tiny: expected a sweep over one axis for each of minutes, hours, full"):
            Paper(SOURCES["pascanu"], "It holds.", (replace(made, budgets=wrong),))


# ---- comparison, distance ----


def test_values_beside_each_other():
    made = part([Published("tanh", 7, 0.5), Published("gru", 9, None, "it works"), Published("tanh", 50, 1.0)])
    table = comparison(made, "minutes", known(made, {("tanh", 7): 1, ("gru", 7): 4}))
    assert tuple(table.columns) == COLUMNS
    rows = {(row.variant, row.x): row for _, row in table.iterrows()}
    assert list(rows) == [("tanh", 7), ("tanh", 9), ("gru", 7), ("gru", 9), ("tanh", 50)]
    one = rows["tanh", 7]
    assert (one.networks, one.solved, one.diverged, one.ours, one.published, one.steps) == (4, 1, 0, 0.25, 0.5, 12)
    assert 0 < one.low < 0.25 < one.high < 1 and distance(made, one) == "-25 points"
    assert rows["gru", 9].said == "it works" and math.isnan(rows["gru", 9].published) and not rows["gru", 9].networks
    assert rows["tanh", 50].published == 1 and math.isnan(rows["tanh", 50].ours)
    assert [distance(made, rows[at]) for at in (("tanh", 9), ("gru", 7), ("tanh", 50))] == ["", "", ""]
    assert cells(made, one) == ["tanh", "7", "12", "1 of 4", "0", "25 %", "50 %", "-25 points"]
    assert cells(made, rows["gru", 9]) == ["gru", "9", "–", "not run", "–", "–", "– (it works)", "–"]


def test_sequences_are_updates_times_the_batch():
    made = part([Published("tanh", 7, 16), Published("tanh", 9, 16)], SEQUENCES, variants=["tanh"])
    table = comparison(made, "minutes", known(made, {("tanh", 7): 3, ("tanh", 9): 0}))
    first, second = (row for _, row in table.iterrows())
    assert (first.ours, first.low, first.high, first.solved) == (8, 8, 8, 3) and distance(made, first) == "0.5 times"
    assert math.isnan(second.ours) and distance(made, second) == "not solved"
    assert cells(made, first)[5:7] == ["8 sequences", "16 sequences"]


def test_accuracy_is_the_median_at_the_end():
    made = part([Published("tanh", 7, None, "it fails")], ACCURACY, variants=["tanh"])
    rows = known(made, {("tanh", 7): 0})
    key = next(iter(rows))
    rows[key] = [replace(row, accuracy=share) for row, share in zip(rows[key], (0.2, 0.4, 0.6, 0.7), strict=True)]
    first = comparison(made, "minutes", rows).iloc[0]
    assert (first.ours, first.low, first.high) == (0.5, 0.2, 0.7) and first.text == "50 % (median of 4 networks)"
    assert "50%" in verdict(made, comparison(made, "minutes", rows)) and cells(made, first)[5] == "50 %"


# ---- what is recorded ----


@pytest.mark.parametrize("name", PAPERS)
def test_the_record_has_all_runs_of_its_budget_and_the_document_says_the_same(name):
    found, paper = record.recorded_results(name), PAPERS[name]
    assert found.runs.keys() == {e.key for part in paper.parts for e in part.budgets[found.about["budget"]].runs}
    assert (ROOT / "docs" / "papers" / f"{name}.md").read_text("utf-8") == report(name, paper, found)
    assert all((ROOT / "docs" / "papers" / f"{name}-{n}.svg").exists() for n in range(1, len(paper.parts) + 1))


def test_a_recorded_run_trains_to_the_same_again():
    sweep = PAPERS["jaeger-2012"].parts[0].budgets["minutes"]
    e = next(c.experiment for c in sweep.combinations if c.experiment.length == 20)
    *_, outcome = study(e, until=sweep.until)
    rows = record.recorded_results("jaeger-2012").runs[e.key]
    assert (outcome.solved_step >= 0).tolist() == [row.solved_step is not None for row in rows]


# ---- verdict ----

FOUR = [Published("tanh", 7, 1.0), Published("tanh", 9, 0.5), Published("gru", 7, 0.5), Published("gru", 9, 0.25)]
ONE = [Published("tanh", 7, 0.5)]
AXIS = "sequence length T"


@pytest.mark.parametrize(
    "published, solved, text",
    [
        (ONE, {("tanh", 7): 2}, "We reach the published value."),
        (ONE, {("tanh", 7): 4}, f"We reach the published value; ours is 50 points above ({AXIS} = 7)."),
        (ONE, {("tanh", 7): 1}, f"We do not reach the published value; ours is 25 points below ({AXIS} = 7)."),
        (ONE, {}, "1 published value is not run here."),
        (FOUR, {}, "4 published values are not run here."),
        (
            FOUR,
            {("tanh", 7): 1, ("tanh", 9): 2, ("gru", 7): 3, ("gru", 9): 1},
            f"We reach 3 of the 4 published values; the largest distance is 75 points below (tanh, {AXIS} = 7).",
        ),
        (
            FOUR,
            {("tanh", 7): 4, ("tanh", 9): 2, ("gru", 7): 2},
            "We reach all 3 published values. 1 more value is not run here.",
        ),
        (
            FOUR,
            {("tanh", 7): 0, ("tanh", 9): 0},
            f"We reach none of the 2 published values; the largest distance is 100 points below ({AXIS} = 7). "
            "2 more values are not run here.",
        ),
    ],
)
def test_what_a_share_comes_to(published, solved, text):
    assert said(part(published), solved) == text


BEGIN = "All networks solve it, with a median of no more sequences than published, at"


@pytest.mark.parametrize(
    "values, solved, text",
    [
        ((8, 16), (4, 4), f"{BEGIN} 2 of 2 values; the largest distance is 0.5 times the published number ({AXIS} = 9)."),
        ((4, 8), (4, 4), f"{BEGIN} 1 of 2 values; the largest distance is 2 times the published number ({AXIS} = 7)."),
        ((8, 8), (3, 0), f"{BEGIN} 0 of 2 values. Not all solve it: 3 of 4 ({AXIS} = 7), 0 of 4 ({AXIS} = 9)."),
        ((8, 8), (4, None), f"{BEGIN} 1 of 1 values. 1 more value is not run here."),
        ((8, 8), (None, None), "2 published values are not run here."),
    ],
)
def test_what_a_number_of_sequences_comes_to(values, solved, text):
    made = part([Published("tanh", x, value) for x, value in zip((7, 9), values, strict=True)], SEQUENCES, variants=["tanh"])
    assert said(made, {("tanh", x): n for x, n in zip((7, 9), solved, strict=True)}) == text


def test_what_ours_is_without_a_number_of_the_paper():
    nothing = "The paper gives no number here."
    every = {("tanh", 7): 4, ("tanh", 9): 0, ("gru", 7): 4, ("gru", 9): 3}
    assert said(part(), every) == f"{nothing} Ours: tanh stops between 7 and 9 time steps; gru still learns at 9."
    assert said(part([Published("tanh", 7, None, "most")]), {("tanh", 7): 1}).startswith(
        f"{nothing} Ours: tanh does not learn at 7"
    )
    assert said(part(), {}) == f"{nothing} Nothing is run here."
    tasks = part(axis="task", values=["agreement", "adding"], variants=["tanh"])
    alone = "Ours, networks that solve it: 25% (agreement), 50% (adding)."
    assert said(tasks, {("tanh", "agreement"): 1, ("tanh", "adding"): 2}) == f"{nothing} {alone}"
    named = part([Published("tanh", "adding", 1.0)], axis="task", values=["agreement", "adding"], variants=["tanh"])
    assert said(named, {("tanh", "adding"): 3}) == "We do not reach the published value; ours is 25 points below (adding)."


# ---- chart ----


@pytest.mark.parametrize("counts, published", [(NETWORKS, 0.5), (SEQUENCES, 70_000)])
@pytest.mark.parametrize("solved", [{}, {("tanh", 7): 0}, {("tanh", 7): 3, ("gru", 9): 4}])
def test_the_chart_is_a_valid_specification(counts, published, solved):
    made = part([Published("tanh", 7, published), Published("gru", 50, None, "it works")], counts)
    table = comparison(made, "minutes", known(made, solved))
    for options in ({}, {"width": 640, "legend": False}):
        spec = paper_chart(table, made.axis_title, MEASURES[counts], counts == NETWORKS, **options).to_dict()
        (rows,) = spec["datasets"].values()
        assert len(rows) == 5 and {row["paper"] for row in rows} > {"no number"}
        assert [layer["mark"].get("shape") for layer in spec["layer"]] == [None, None, "diamond"]
        assert spec["layer"][0]["encoding"]["x"]["sort"] == ["7", "9", "50"]
    tens = spec["layer"][0]["encoding"]["y"]["scale"]["domain"]
    assert counts == NETWORKS or tens == ([1, 1e5] if any(solved.values()) else [1e4, 1e5])


@pytest.mark.parametrize("name", PAPERS)
def test_the_chart_of_every_part_is_valid(name):
    for of in PAPERS[name].parts:
        for rows in ({}, {c.experiment.key: rows_of(c.experiment) for c in of.budgets["minutes"].combinations}):
            paper_chart(comparison(of, "minutes", rows), of.axis_title, MEASURES[of.counts], of.is_share).to_dict()


# ---- record, report ----


@pytest.fixture
def tiny(monkeypatch):
    """A paper of one part that is trained in a moment."""
    paper = Paper(SOURCES["pascanu"], "It holds.", (part([Published("tanh", 7, 1.0), Published("tanh", 50, 1.0)]),))
    monkeypatch.setitem(PAPERS, "tiny", paper)
    return paper


def test_a_record_is_read_as_it_was_written_and_holds_the_papers_runs_alone(tiny, tmp_path, monkeypatch):
    rows = known(tiny.parts[0], {("tanh", 7): 4, ("gru", 9): 0})
    file = record.write("tiny", tiny, "minutes", {**rows, "another": rows_of(next(iter(part().budgets["hours"].runs)))}, tmp_path)
    assert file == tmp_path / "tiny.json"
    read = recorded.read(file)
    assert {key: list(map(repr, of)) for key, of in read.runs.items()} == {key: list(map(repr, of)) for key, of in rows.items()}
    assert read.about == {"paper": "tiny", "budget": "minutes"} and read.date and "torch" in read.versions
    monkeypatch.setattr(record, "FOLDER", tmp_path)
    record.recorded_results.cache_clear()
    try:
        assert record.recorded_results("tiny").date == read.date
        assert record.recorded_results("another") == recorded.Recorded()
    finally:
        record.recorded_results.cache_clear()


def test_the_report_says_it_all(tiny, tmp_path):
    rows = known(tiny.parts[0], {("tanh", 7): 2, ("tanh", 9): 4, ("gru", 7): 4, ("gru", 9): 4})
    found = recorded.read(record.write("tiny", tiny, "minutes", rows, tmp_path))
    text = report("tiny", tiny, found)
    table = comparison(tiny.parts[0], "minutes", found.runs)
    for wanted in (
        f"# {tiny.source.short}: {tiny.source.title}",
        tiny.source.link,
        tiny.claim,
        f"`rnnkit papers tiny --budget minutes`, {found.date}, {found.versions}",
        "The setup.",
        "- Another cell.",
        verdict(tiny.parts[0], table),
        "![Tiny](tiny-1.svg)",
        "| tanh | 7 | 12 | 2 of 4 | 0 | 50 % | 100 % | -50 points |",
        "| tanh | 50 | – | not run | – | – | 100 % | – |",
    ):
        assert wanted in text
    assert text.count("\n| ") == 1 + len(table) and HEADER[0] in text
    assert figure(tiny.parts[0], found).to_dict()["width"] == 640


# ---- rnnkit papers ----


@pytest.fixture
def in_this_process(monkeypatch):
    monkeypatch.setattr("rnnkit.cli.sweep.default_executor", InProcess)


def test_without_a_name_all_are_listed(capsys):
    assert main(["papers"]) == 0
    out = capsys.readouterr().out
    assert all(name in out and paper.source.title in out for name, paper in PAPERS.items())
    assert all(of.title in out for paper in PAPERS.values() for of in paper.parts)


@pytest.mark.parametrize(
    "arguments, text",
    [
        (["nobody-1900"], "unknown paper 'nobody-1900': valid are pascanu-2013, "),
        (["tiny", "--out", "{}/none"], "--out must be a folder that exists, got '{}/none'"),
        (["tiny", "--out", "{}"], "{0}/tiny.json and {0}/tiny.md exist already: give --force to overwrite them"),
        (["tiny", "--budget", "days"], "invalid choice: 'days'"),
    ],
)
def test_what_is_refused_before_anything_is_trained(tiny, capsys, tmp_path, arguments, text):
    for name in ("tiny.json", "tiny.md"):
        Path(tmp_path, name).write_text("mine")
    with pytest.raises(SystemExit) as stopped:
        main(["papers", *(argument.format(tmp_path) for argument in arguments)])
    out, err = capsys.readouterr()
    assert stopped.value.code == 2 and out == "" and err.startswith("rnnkit: ") and text.format(tmp_path) in err
    assert Path(tmp_path, "tiny.md").read_text() == "mine"


def test_a_paper_is_trained_printed_and_written(tiny, capsys, tmp_path, in_this_process):
    assert main(["papers", "tiny", "--out", str(tmp_path), "--quiet"]) == 0
    out, err = capsys.readouterr()
    found = recorded.read(tmp_path / "tiny.json")
    made, table = tiny.parts[0], comparison(tiny.parts[0], "minutes", found.runs)
    assert err == "" and out.startswith("Tiny, budget minutes\n")
    assert set(found.runs) == {e.key for e in made.budgets["minutes"].runs}
    assert all(len(rows) == 4 and rows[0].seed == 5 for rows in found.runs.values())
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert all(" ".join(cells(made, row)) in lines for _, row in table.iterrows())
    assert verdict(made, table) in lines
    assert (tmp_path / "tiny.md").read_text("utf-8") == report("tiny", tiny, found)
    assert main(["papers", "tiny", "--out", str(tmp_path), "--quiet", "--force"]) == 0
