"""The test of a paper's networks on sequences longer than those of their training: its run, its table, what it comes to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from rnnkit.papers.base import LongerTest
from rnnkit.results import Progress

HEADER = ("sequence length", "wrong, median network", "best to worst network", "published")
SOLVED = 0.01  # share of wrong sequences, at most
Found = Mapping[str, Any]  # as JSON: key of the Experiment, lengths, wrong (L x R), n, seconds


def run(test: LongerTest, budget: str) -> Iterator[float | dict[str, Any]]:
    """Trains and tests the networks in this process. Yields the share that is done, and what was found last."""
    from rnnkit.studies.other_lengths import study

    e, result = test.budgets[budget], None
    for part in study(e, test.tested(budget), test.n):
        if isinstance(part, Progress):
            yield part.share
        else:
            result = part
    assert result is not None  # there is one length at least
    yield {
        "key": e.key,
        "lengths": result.lengths.tolist(),
        "wrong": result.wrong.tolist(),
        "n": result.n,
        "seconds": round(result.seconds, 1),
    }


def of(test: LongerTest, about: Mapping[str, Any]) -> Found | None:
    """Returns what a record holds of this test, None where it was not run within the record's budget."""
    found = about.get("longer")
    return found if found and found["key"] == test.budgets[about["budget"]].key else None


def rows(test: LongerTest, found: Found) -> list[list[str]]:
    """Returns a row of texts for each length, in the order of HEADER."""
    made = []
    for length, wrong in zip(found["lengths"], _wrong(found), strict=True):
        published = _percent(test.published) if length in test.lengths else "–"
        between = f"{_percent(wrong.min())} to {_percent(wrong.max())}"
        made.append([f"{length:,}", _percent(np.median(wrong)), between, published])
    return made


def sentence(test: LongerTest, found: Found) -> str:
    """Returns up to which length the median network solves the task, and what it does at the longest."""
    medians = np.median(_wrong(found), axis=1)
    solved = [length for length, wrong in zip(found["lengths"], medians, strict=True) if wrong <= SOLVED]
    until = f"at most 1 % wrong up to {max(solved):,} time steps" if solved else "more than 1 % wrong at every length"
    longest = found["lengths"][-1]
    paper = "makes no error" if test.published == 0 else f"has {_percent(test.published)} wrong"
    return (
        f"The median network has {until}, and {_percent(medians[-1])} at {longest:,}. The paper's {paper} there. "
        f"{found['n']:,} sequences of each length."
    )


def _wrong(found: Found) -> np.ndarray:
    """(L, R) share of wrong sequences. A network that has diverged has all wrong."""
    return np.nan_to_num(np.array(found["wrong"], dtype=float), nan=1.0)


def _percent(share: float) -> str:
    """Returns `36 %`, and more digits where a share is small: `0.02 %`."""
    percent = 100 * float(share)
    digits = 0 if percent == 0 or percent >= 10 else 1 - math.floor(math.log10(percent))
    return f"{percent:.{digits}f} %"
