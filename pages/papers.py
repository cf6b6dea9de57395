"""Papers: published results beside our own, trained within a budget (rnnkit/papers)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from html import escape

import streamlit as st

from pages.state import browser_history, page_settings, session, widgets
from pages.ui import chart_view, layout, markdown, sidebar
from rnnkit import glossary
from rnnkit.charts.papers import colour, paper_chart
from rnnkit.experiment import Experiment
from rnnkit.later import alt, pd
from rnnkit.papers import BUDGETS, PAPERS, longer
from rnnkit.papers.base import MEASURES, LongerTest, Part
from rnnkit.papers.comparison import amount_text, comparison, verdict
from rnnkit.papers.record import recorded_results
from rnnkit.papers.report import HEADER, cells
from rnnkit.stories.presets import pair
from rnnkit.sweep.progress import duration
from rnnkit.sweep.recorded import Recorded

TITLE = "Papers"
CONTROLS = ()
LINKED = {"papers_name": page_settings.Choice(tuple(PAPERS))}
TOUR_TARGETS = {"paper": "papers_name", "claim": "papers_claim", "part": "papers_part_"}
READY = (".st-key-papers_claim", ".st-key-papers_parts .linekey")
STYLE = """<style>
.st-key-papers_claim { gap: 0.5rem; }
.st-key-papers_claim h4 { padding: 0.1rem 0 0.35rem; font-size: 1.2rem; line-height: 1.35; }
.st-key-papers_parts { display: grid; gap: 0.9rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 32rem), 1fr)); }
.st-key-papers_parts > * { width: auto; min-width: 0; }
[class*=st-key-papers_verdict_] { gap: 0.5rem; }
[class*=st-key-papers_verdict_] h4 { padding: 0 0 0.35rem; font-size: 1.1rem; }
@media (min-width: 641px) { [class*=st-key-papers_verdict_] { min-height: 6.6rem; } }
</style>"""


def page() -> None:
    sidebar.none()
    st.html(STYLE)
    layout.opening(
        "What did the papers measure, and do we get the same?",
        "Hollow diamonds are published values. Dots are ours, with the paper's setup as far as the budget goes.",
    )
    first = next((name for name in PAPERS if recorded_results(name).runs), next(iter(PAPERS)))
    titles = {name: paper.source.short for name, paper in PAPERS.items()}
    name = page_settings.segmented(
        "Paper", list(titles), "papers_name", first, format_func=titles.get, label_visibility="collapsed"
    )
    paper, record = PAPERS[name], recorded_results(name)
    with st.container(key="papers_claim"):
        st.markdown(f"#### {glossary.marked(paper.claim)}")
        source = paper.source
        paper_line = f"{source.authors} ({source.year}). [{source.title}]({source.link}). {source.where}."
        st.caption(f"{paper_line}  \n{_origin(name, record)}")
    if not record.runs:
        st.info("Not trained here yet: the published values stand alone.", icon=":material/hourglass_empty:")
    with st.container(key="papers_parts"):
        for number, part in enumerate(paper.parts, 1):
            with st.container(border=True, gap="small", key=f"papers_part_{number}"):
                _part(name, number, part, record)
        if (test := paper.longer) and (found := longer.of(test, record.about)):
            with st.container(border=True, gap="small", key="papers_longer"):
                _longer(test, found)
    plain, omega = pair("Temporal order")
    layout.try_next(
        layout.Try(
            "**Pascanu's task in the lab**: temporal order, without and with the penalty Omega.",
            omega,
            "Compare these two",
            plain,
        )
    )


def _budget(record: Recorded) -> str:
    return record.about.get("budget", BUDGETS[0])


def _origin(name: str, record: Recorded) -> str:
    """Returns how ours was trained, and the command that trains it or goes further."""
    command = "`rnnkit papers {} --budget {}`".format
    if not record.runs:
        return f"Train ours with {command(name, BUDGETS[0])}."
    budget, seconds = _budget(record), sum(row.seconds for rows in record.runs.values() for row in rows)
    more = [f"Go further with {command(name, longer)}." for longer in BUDGETS[BUDGETS.index(budget) + 1 :][:1]]
    trained = f"{duration(seconds)} of training, run after run"
    return " ".join([f"Ours: budget {budget}, recorded on {record.date}, {trained}, {record.versions}.", *more])


def _part(name: str, number: int, part: Part, record: Recorded) -> None:
    table = comparison(part, _budget(record), record.runs)
    with st.container(key=f"papers_verdict_{number}"):
        st.markdown(f"#### {part.title}")
        st.markdown(markdown.plain(verdict(part, table)))
    opens = _opens(part, _budget(record))
    if table.networks.any() or table.published.notna().any():
        _draw(name, number, part, table, opens)
    with st.container(horizontal=True, vertical_alignment="center"):
        _open_in_lab(number, opens)
    with st.expander("The paper's setup, what is different here, and the numbers"):
        _setup(part)
        header = [part.axis_title if column == "x" else column for column in HEADER]
        st.table(pd.DataFrame([cells(part, row) for _, row in table.iterrows()], columns=header).set_index("variant"))


def _longer(test: LongerTest, found: longer.Found) -> None:
    st.markdown(f"#### {test.title}")
    st.markdown(markdown.plain(longer.sentence(test, found)))
    st.table(pd.DataFrame(longer.rows(test, found), columns=list(longer.HEADER)).set_index(longer.HEADER[0]))
    with st.expander("The paper's setup, and what is different here"):
        _setup(test)


def _setup(of: Part | LongerTest) -> None:
    different = "\n".join(f"- {text}" for text in of.differences)
    st.markdown(markdown.symbols(f"**The paper.** {of.setup}\n\n**Different here.**\n\n{different}"))


def _draw(name: str, number: int, part: Part, table: pd.DataFrame, opens: Mapping[tuple[str, str], Experiment]) -> None:
    variants = list(dict.fromkeys(table.variant))
    dots = [("dot", colour(i), escape(variant)) for i, variant in enumerate(variants)]
    chart_view.legend(*dots, ("diamond", "currentColor", "published" if table.published.notna().any() else ""))
    drawing = page_settings.drawing(f"papers_{name}_{number}")
    spec = chart_view.spec(_chart, name, number)
    chart_view.draw(spec, f"{part.title}: {_numbers(part, table)}", drawing, on_select=partial(_open, drawing, opens))


def _chart(name: str, number: int) -> alt.LayerChart:
    part, record = PAPERS[name].parts[number - 1], recorded_results(name)
    table = comparison(part, _budget(record), record.runs)
    return paper_chart(table, part.axis_title, MEASURES[part.counts], part.is_share, legend=False)


def _numbers(part: Part, table: pd.DataFrame) -> str:
    """Returns the chart's numbers in words: `SGD 2 of 5 networks at 50, published 100 %; ...`."""
    lines = []
    for _, row in table.iterrows():
        paper = f", published {amount_text(part, row.published)}" if row.published == row.published else ""
        lines.append(f"{row.variant} {row.text} at {row.x}{paper}")
    return "; ".join(lines)


def _opens(part: Part, budget: str) -> dict[tuple[str, str], Experiment]:
    """Returns (variant, value of the axis) -> the Experiment, of those that this server trains."""
    combinations = part.budgets[budget].combinations
    fit = [c for c in combinations if not session.refusal(c.experiment)]
    return {(c.variant, str(c.axes[part.axis])): c.experiment for c in fit}


def _open(drawing: str, opens: Mapping[tuple[str, str], Experiment]) -> None:
    """Callback of a chart: opens the training of the pressed dot in the lab."""
    chosen = (widgets.value(drawing, {}).get("selection", {}).get("point") or [{}])[0]
    if e := opens.get((str(chosen.get("variant")), str(chosen.get("place")))):
        browser_history.begin_chapter(e)


def _open_in_lab(number: int, opens: Mapping[tuple[str, str], Experiment]) -> None:
    """Draws the choice of a value and the button that opens its training."""
    if not opens:
        st.caption("These trainings are too long for this server's lab.")
        return
    with st.popover("Open in the lab", icon=":material/science:", key=f"papers_lab_{number}"):
        names = {f"{variant}, {place}": e for (variant, place), e in opens.items()}
        chosen = st.selectbox("One training, or press its dot", list(names), key=f"papers_open_{number}")
        layout.open_in_lab("Open", names[chosen], f"papers_button_{number}")


if __name__ == "__main__":  # Streamlit runs this file alone when a deep link is a fresh server's first request
    import dashboard

    dashboard.main()
