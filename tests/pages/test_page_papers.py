"""Papers: with a record and without, what a click opens, hostile links, and the page in Chromium."""

import re

import pytest
from apptest import prose, state, widget
from browsing import PHONE, SIDEWAYS, expect
from ready_pages import chart
from stored_results import rows_of

from pages import papers
from pages.state import browser_history
from pages.ui import chart_view, registry
from rnnkit.papers import PAPERS, longer, record
from rnnkit.papers.comparison import comparison, verdict

PASCANU, HOCHREITER = "pascanu-2013", "hochreiter-1997"


@pytest.fixture
def recorded(monkeypatch, tmp_path):
    """recorded(name, budget) writes a made-up record of this paper, in which all networks solve the task at training step 2."""

    def forget():
        record.recorded_results.cache_clear()
        chart_view._written.cache_clear()

    def write(name, budget="minutes"):
        paper = PAPERS[name]
        known = {e.key: rows_of(e) for part in paper.parts for e in part.budgets[budget].runs}
        record.write(name, paper, budget, known, tmp_path)
        forget()
        return record.recorded_results(name)

    monkeypatch.setattr(record, "FOLDER", tmp_path)
    forget()
    yield write
    forget()


def test_the_test_on_longer_sequences_stands_below_the_parts(app):
    """With the committed record; a record without it shows the parts alone (the tests below)."""
    test, found = PAPERS[PASCANU].longer, record.recorded_results(PASCANU)
    at = open_(app, papers_name=PASCANU)
    was = longer.of(test, found.about)
    assert f"#### {test.title}" in prose(at) and longer.sentence(test, was) in prose(at).replace("\\", "")
    (table,) = [t.value for t in at.table if t.value.index.name == longer.HEADER[0]]
    assert [[length, *row] for length, row in zip(table.index, table.values.tolist(), strict=True)] == longer.rows(test, was)


def open_(app, **query):
    at = app(query, page="papers")
    assert not at.exception
    return at


def charts(at):
    return {chart.title: chart for chart in state(at).charts.values()}


@pytest.mark.parametrize("name", PAPERS)
def test_a_paper_with_a_record(app, recorded, name):
    found, paper = recorded(name), PAPERS[name]
    at = open_(app, papers_name=name)
    text = prose(at)
    source = paper.source
    assert f"[{source.title}]({source.link})" in text and source.authors in text
    assert (
        f"budget minutes, recorded on {found.date}, " in text and found.versions in text and "of training, run after run" in text
    )
    assert f"Go further with `rnnkit papers {name} --budget hours`." in text and not at.info
    assert list(charts(at)) == [part.title for part in paper.parts]
    for part, table in zip(paper.parts, at.table, strict=True):
        compared = comparison(part, "minutes", found.runs)
        assert papers.markdown.plain(verdict(part, compared)) in text
        assert part.setup in text and all(papers.markdown.symbols(line) in text for line in part.differences)
        assert len(table.value) == len(compared) and list(table.value)[-1] == "distance"
        drawn = charts(at)[part.title]
        (rows,) = drawn.spec["datasets"].values()
        assert len(rows) == len(compared) and all(text in drawn.text for text in compared.text)


@pytest.mark.parametrize("name", PAPERS)
def test_a_paper_without_a_record_says_so_and_shows_what_is_published(app, recorded, name):
    at = open_(app, papers_name=name)
    assert "Not trained here yet" in at.info[0].value
    assert f"Train ours with `rnnkit papers {name} --budget minutes`." in prose(at)
    assert list(charts(at)) == [p.title for p in PAPERS[name].parts if any(v.value is not None for v in p.published)]


def test_the_first_paper_with_a_record_is_shown_first(app, recorded):
    assert widget(open_(app), "papers_name").value == PASCANU
    recorded(HOCHREITER)
    assert widget(open_(app), "papers_name").value == HOCHREITER


def test_the_largest_budget_goes_no_further_and_does_not_open_here(app, recorded):
    recorded(PASCANU, "full")
    at = open_(app)
    assert "budget full, recorded on" in prose(at) and "Go further" not in prose(at)
    assert "too long for this server's lab" in prose(at) and not [b for b in at.button if b.key.startswith("papers_button")]


def test_another_paper_is_chosen_and_stands_in_the_link(app, recorded):
    recorded(PASCANU)
    at = open_(app)
    widget(at, "papers_name").set_value(HOCHREITER).run()
    assert at.query_params["papers_name"] in (HOCHREITER, [HOCHREITER]) and PAPERS[HOCHREITER].claim.split(" ")[-1] in prose(at)


def test_a_training_is_chosen_and_opened_in_the_lab(app, recorded, monkeypatch):
    opened = []
    monkeypatch.setattr(browser_history, "begin_chapter", lambda e, pinned=None: opened.append(e))
    recorded(PASCANU)
    at = open_(app)
    first = PAPERS[PASCANU].parts[0].budgets["minutes"].combinations
    choice = at.selectbox(key="papers_open_1")
    assert choice.options == [f"{c.variant}, {c.axes['length']}" for c in first]
    choice.set_value(choice.options[5]).run()
    at.button(key="papers_button_1").click().run()
    assert opened == [first[5].experiment]


def test_a_click_on_a_dot_opens_its_training(monkeypatch):
    opened, e = [], PAPERS[HOCHREITER].parts[0].budgets["minutes"].runs[0]
    monkeypatch.setattr(browser_history, "begin_chapter", opened.append)
    good = {"variant": "LSTM", "place": "100"}
    for point in ([], [{}], [{"variant": "LSTM"}], [{"variant": "x", "place": None}], [good]):
        monkeypatch.setattr(papers.widgets, "value", lambda key, default=None, point=point: {"selection": {"point": point}})
        papers._open("chart", {("LSTM", "100"): e})
    assert opened == [e]


@pytest.mark.parametrize("text", ["", "nobody-1900", "<img src=x>", "../..", "PASCANU-2013", "x" * 9000])
def test_an_unknown_paper_in_a_link_is_named(app, recorded, text):
    recorded(PASCANU)
    at = open_(app, papers_name=text)
    assert widget(at, "papers_name").value == PASCANU
    assert any("papers" in w.value for w in at.warning) and not re.search(r"(?<!\\)<img", prose(at))


# ---- in Chromium ----


@pytest.mark.parametrize("size", [{"width": 1366, "height": 768}, PHONE])
def test_choice_claim_and_first_part_are_on_the_first_screen(server, visit, size):
    page = visit(server.link("/papers", papers_name=PASCANU), viewport=size)
    expect(chart(page, "Figure 7, basic tanh")).to_be_visible()
    for part in (".st-key-papers_claim", ".st-key-papers_verdict_1"):
        expect(page.locator(part)).to_be_visible()
        box = page.locator(part).bounding_box()
        assert box["y"] > 60 and box["x"] >= 0 and box["y"] + box["height"] <= size["height"], part
    assert page.evaluate(SIDEWAYS) == [0, 0]
    if size is not PHONE:
        names = page.get_by_role("banner").get_by_role("link").all_inner_texts()
        assert names == [registry.title(name) for name in registry.NAMES]
