"""The published values of a part beside those of our runs, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnkit.corpus import wilson
from rnnkit.fields import lower_first
from rnnkit.papers.base import ACCURACY, MEASURES, NETWORKS, SEQUENCES, Part, Published
from rnnkit.sweep.maps import answer
from rnnkit.sweep.recorded import Known
from rnnkit.sweep.row import Row

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("variant", "x", "networks", "solved", "diverged", "ours", "low", "high", "text", "steps", "published", "said")


def comparison(part: Part, budget: str, known: Known) -> pd.DataFrame:
    """Returns a row for each variant and value of the axis that is in `known` or published, in the order of the sweep.

    Columns: variant, x, networks (how many), solved and diverged (how many of them), ours (the share that solved the task, with
    Wilson's 95 % interval low to high; the median number of training sequences of those that solved it, from low to high; or the
    median accuracy, from low to high), text (ours in words), steps (training steps of each network), published, and said (what
    the paper says or shows). NaN: not run, or no number.
    """
    import pandas as pd

    sweep, given = part.budgets[budget], {(p.variant, p.x): p for p in part.published}
    rows = []
    for c in sweep.combinations:
        x = c.axes[part.axis]
        paper = given.pop((c.variant, x), None)
        found = _ours(part, known.get(c.experiment.key, ()), c.experiment.batch)
        steps = c.experiment.steps if found["networks"] else np.nan
        rows.append({"variant": c.variant, "x": x, **found, "steps": steps, **_paper(paper)})
    rows += [{"variant": p.variant, "x": p.x, **_ours(part, (), 1), "steps": np.nan, **_paper(p)} for p in given.values()]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def distance(part: Part, row: pd.Series) -> str:
    """Returns how far ours is from the published value, in words; "" where one of them is missing."""
    if row.published != row.published or not row.networks:
        return ""
    if part.is_share:
        return f"{100 * (row.ours - row.published):+.0f} points"
    return f"{row.ours / row.published:.2g} times" if row.solved else "not solved"


def verdict(part: Part, table: pd.DataFrame) -> str:
    """Returns how far ours is from what is published, in a sentence or more, or what ours is where the paper gives no number.

    A share is reached where ours is at least as high. A number of sequences is reached where all networks solve the task, and
    their median needs no more.
    """
    given = table[table.published.notna()]
    ran = given[given.networks > 0]
    if given.empty:
        return f"The paper gives no number here. {_alone(part, table)}"
    left = len(given) - len(ran)
    missing = f"{left} {'more' if len(ran) else 'published'} {'value is' if left == 1 else 'values are'} not run here."
    sentences = _beside(part, ran) if len(ran) else [_alone(part, table)] if table.networks.any() else []
    return " ".join([*sentences, *([missing] if left else ())])


def _beside(part: Part, ran: pd.DataFrame) -> list[str]:
    """Returns the sentences on the published values that are run."""
    n = len(ran)
    if part.is_share:
        reached, far = int((ran.ours >= ran.published).sum()), _farthest(part, ran, ran.ours - ran.published)
        amount = "all" if reached == n else f"{reached or 'none'} of the"
        if n == 1:
            return [f"We {'reach' if reached else 'do not reach'} the published value{far}."]
        return [f"We reach {amount} {n} published values{far}."]
    reached = int(((ran.solved == ran.networks) & (ran.ours <= ran.published)).sum())
    far = _farthest(part, ran, np.log(ran.ours / ran.published))
    short = ran[ran.solved < ran.networks]
    rest = ", ".join(f"{row.solved} of {row.networks} ({_place(part, ran, row)})" for _, row in short.iterrows())
    begin = "All networks solve it, with a median of no more sequences than published, at"
    return [f"{begin} {reached} of {n} values{far}.", *([f"Not all solve it: {rest}."] if rest else ())]


def _farthest(part: Part, ran: pd.DataFrame, off: pd.Series) -> str:
    """Returns the value that is farthest from the published one, as a clause; "" where none differs. off: distance of each."""
    off = off[off.notna()].abs()
    if off.empty or not off.max():
        return ""
    row = ran.loc[off.idxmax()]
    if part.is_share:
        far = f"{100 * off.max():.0f} points {'below' if row.ours < row.published else 'above'}"
    else:
        far = f"{row.ours / row.published:.2g} times the published number"
    return f"; {'ours' if len(ran) == 1 else 'the largest distance'} is {far} ({_place(part, ran, row)})"


def _place(part: Part, ran: pd.DataFrame, row: pd.Series) -> str:
    """Returns `sequence length T = 50`, after the variant where there are several."""
    where = row.x if isinstance(row.x, str) else f"{lower_first(part.axis_title)} = {row.x}"
    return where if ran.variant.nunique() == 1 else f"{row.variant}, {where}"


def _alone(part: Part, table: pd.DataFrame) -> str:
    """Returns what ours is, without anything published."""
    ran = table[table.networks > 0]
    if ran.empty:
        return "Nothing is run here."
    if part.counts == NETWORKS and part.axis == "length":
        shares = {name: dict(zip(rows.x, rows.ours, strict=True)) for name, rows in ran.groupby("variant", sort=False)}
        return f"Ours: {answer(shares, 'time steps')}"
    values = ", ".join(f"{row.ours:.0%} ({_place(part, ran, row)})" for _, row in ran.iterrows())
    if part.counts == SEQUENCES:
        return f"Ours: {ran.solved.sum()} of {ran.networks.sum()} networks solve it."
    return f"Ours, {MEASURES[part.counts]}: {values}."


def amount_text(part: Part, value: float) -> str:
    """Returns a value of this part with its unit: `80 %`, `74,000 sequences`."""
    return f"{100 * value:.0f} %" if part.is_share else f"{value:,.0f} sequences"


def _ours(part: Part, rows: Sequence[Row], batch: int) -> dict[str, Any]:
    steps = [row.solved_step for row in rows if row.solved_step is not None]
    low, high = wilson(len(steps), len(rows)) if rows else (np.nan, np.nan)
    ours = len(steps) / len(rows) if rows else np.nan
    if part.counts == SEQUENCES:
        ours, low, high = (of(steps) * batch if steps else np.nan for of in (np.median, np.min, np.max))
    elif part.counts == ACCURACY and rows:
        ours, low, high = (of([row.accuracy for row in rows]) for of in (np.median, np.min, np.max))
    diverged = sum(row.diverged_step is not None for row in rows)
    found = {"networks": len(rows), "solved": len(steps), "diverged": diverged, "ours": ours, "low": low, "high": high}
    return found | {"text": _text(part, len(rows), len(steps), ours)}


def _text(part: Part, networks: int, solved: int, ours: float) -> str:
    """Returns `4 of 5 networks`, `8,000 sequences (median of 4 of 5 networks)`, `52 % (median of 2 networks)`, or `not run`."""
    count = f"{networks} networks" if part.counts == ACCURACY else f"{solved} of {networks} networks"
    if not networks:
        return "not run"
    return count if part.counts == NETWORKS or ours != ours else f"{amount_text(part, ours)} (median of {count})"


def _paper(published: Published | None) -> dict[str, object]:
    if published is None:
        return {"published": np.nan, "said": ""}
    return {"published": np.nan if published.value is None else published.value, "said": published.said}
