"""Published results, repeated: each paper's setup, its values beside ours, the distance and the budget.

A paper is one file and one line in PAPERS. results/ holds what was recorded (`python -m docs.make_papers`).
"""

from rnnkit.papers import hochreiter_1997, jaeger_2012, le_2015, pascanu_2013, tallec_2018
from rnnkit.papers.base import BUDGETS, Paper, Part, Published

__all__ = ["BUDGETS", "PAPERS", "Paper", "Part", "Published"]

PAPERS: dict[str, Paper] = {
    "pascanu-2013": pascanu_2013.PAPER,
    "hochreiter-1997": hochreiter_1997.PAPER,
    "le-2015": le_2015.PAPER,
    "tallec-2018": tallec_2018.PAPER,
    "jaeger-2012": jaeger_2012.PAPER,
}
