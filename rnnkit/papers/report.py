"""A paper's results as a Markdown page: setup, differences, figure, and published values beside ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from rnnkit.charts.papers import paper_chart
from rnnkit.papers import longer
from rnnkit.papers.base import MEASURES, Paper, Part
from rnnkit.papers.comparison import amount_text, comparison, distance, verdict
from rnnkit.sweep.progress import duration
from rnnkit.sweep.recorded import Recorded

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

FIGURE_WIDTH = 640
HEADER = ("variant", "x", "updates at most", "solved", "NaN", "ours", "published", "distance")


def report(name: str, paper: Paper, record: Recorded) -> str:
    """Returns the Markdown text. Its figures are files NAME-1.svg, NAME-2.svg, ... beside it, one a part (`figure`)."""
    budget, source = record.about["budget"], paper.source
    seconds = sum(row.seconds for rows in record.runs.values() for row in rows)
    lines = [
        f"# {source.short}: {source.title}",
        f"{source.where}. [The paper]({source.link})",
        f"**What it says.** {paper.claim}",
        f"**Our runs.** Budget: {budget}. `rnnkit papers {name} --budget {budget}`, {record.date}, {record.versions}; "
        f"{duration(seconds)} of training, run after run.",
    ]
    for number, part in enumerate(paper.parts, 1):
        lines += [f"## {part.title}", part.setup, "What is different here:", _list(part.differences)]
        table = comparison(part, budget, record.runs)
        lines += [verdict(part, table), f"![{part.title}]({name}-{number}.svg)", "\n".join(_table(part, table))]
    if (test := paper.longer) and (found := longer.of(test, record.about)):
        lines += [
            f"## {test.title}",
            test.setup,
            "What is different here:",
            _list(test.differences),
            longer.sentence(test, found),
        ]
        lines += ["\n".join(_markdown(longer.HEADER, longer.rows(test, found)))]
    return "\n\n".join(lines) + "\n"


def figure(part: Part, record: Recorded) -> alt.LayerChart:
    """Returns the figure of a part."""
    table = comparison(part, record.about["budget"], record.runs)
    return paper_chart(table, part.axis_title, MEASURES[part.counts], part.is_share, FIGURE_WIDTH)


def _list(texts: Iterable[str]) -> str:
    return "\n".join(f"- {text}" for text in texts)


def _table(part: Part, table: pd.DataFrame) -> Iterator[str]:
    header = [part.axis_title if name == "x" else name for name in HEADER]
    return _markdown(header, (cells(part, row) for _, row in table.iterrows()))


def _markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yields the lines of a table."""
    yield "| " + " | ".join(header) + " |"
    yield "|---" * len(header) + "|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def cells(part: Part, row: pd.Series) -> list[str]:
    """Returns a row of a comparison as texts, in the order of HEADER."""
    ran = bool(row.networks)
    paper = "–" if row.published != row.published else amount_text(part, row.published)
    return [
        row.variant,
        str(row.x),
        f"{row.steps:,.0f}" if ran else "–",
        f"{row.solved} of {row.networks}" if ran else "not run",
        str(row.diverged) if ran else "–",
        amount_text(part, row.ours) if ran and row.ours == row.ours else "–",
        f"{paper} ({row.said})" if row.said else paper,
        distance(part, row) or "–",
    ]
