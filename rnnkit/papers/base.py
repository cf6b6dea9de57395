"""Paper: what was published, the sweeps that repeat it within a budget, and what is different here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rnnkit.experiment import FIELDS, Experiment
from rnnkit.glossary.sources import Source
from rnnkit.sweep.sweep import Sweep

BUDGETS = ("minutes", "hours", "full")  # on two cores; "full" is for a cluster
NETWORKS, SEQUENCES, ACCURACY = "networks", "sequences", "accuracy"
MEASURES = {  # what a part compares -> title of an axis
    NETWORKS: "networks that solve it",
    SEQUENCES: "training sequences until solved",
    ACCURACY: "right answers at the end",
}


@dataclass(frozen=True)
class Published:
    """A value that the paper gives for one variant at one value of the axis."""

    variant: str
    x: float | str  # value of the axis
    value: float | None  # a share from 0 to 1, or training sequences; None where the paper gives no number
    said: str = ""  # what the paper says or shows, where it gives no number


@dataclass(frozen=True)
class Part:
    """One figure, table or statement of a paper, as sweeps over one axis.

    setup: the paper's own, in a few sentences. differences: what is different here, a sentence each. counts: the share of
    networks that solve the task (NETWORKS), the training sequences until a network has solved it (SEQUENCES), or the share of
    right answers of a network at the end (ACCURACY).
    """

    title: str
    setup: str
    differences: tuple[str, ...]
    budgets: Mapping[str, Sweep]  # one for each of BUDGETS
    published: tuple[Published, ...] = ()
    counts: str = NETWORKS

    @property
    def axis(self) -> str:
        """Returns the field that the axis varies."""
        return next(iter(self.budgets[BUDGETS[0]].axes))

    @property
    def is_share(self) -> bool:
        """Returns whether its values are shares from 0 to 1."""
        return self.counts != SEQUENCES

    @property
    def axis_title(self) -> str:
        return FIELDS[self.axis].label


@dataclass(frozen=True)
class LongerTest:
    """Networks that are trained on short sequences, and tested on longer ones (studies/other_lengths.py).

    setup: the paper's own, in a few sentences. differences: what is different here, a sentence each.
    """

    title: str
    setup: str
    differences: tuple[str, ...]
    budgets: Mapping[str, Experiment]  # one for each of BUDGETS
    lengths: tuple[int, ...]  # of the sequences of the test, beside the longest of the training
    published: float  # share of wrong sequences that the paper gives for every length
    n: int = 10_000  # sequences of each length

    def tested(self, budget: str) -> list[int]:
        """Returns the lengths of the test, from the longest of the training on."""
        longest = self.budgets[budget].length
        return [longest, *(length for length in self.lengths if length > longest)]


@dataclass(frozen=True)
class Paper:
    """A paper and those of its results that are repeated here. claim: what it says, in one sentence."""

    source: Source
    claim: str
    parts: tuple[Part, ...]
    longer: LongerTest | None = None

    def __post_init__(self) -> None:
        for part in self.parts:
            if tuple(part.budgets) != BUDGETS or any(len(sweep.axes) != 1 for sweep in part.budgets.values()):
                raise ValueError(f"{part.title}: expected a sweep over one axis for each of {', '.join(BUDGETS)}")
        if self.longer and tuple(self.longer.budgets) != BUDGETS:
            raise ValueError(f"{self.longer.title}: expected an Experiment for each of {', '.join(BUDGETS)}")

    @property
    def titles(self) -> list[str]:
        """Returns the titles of all that is repeated."""
        return [part.title for part in (*self.parts, *([self.longer] if self.longer else ()))]


def budgets(
    base: Mapping[str, Any], variants: Mapping[str, Mapping[str, Any]], axis: str, **of: Mapping[str, Any]
) -> dict[str, Sweep]:
    """Returns budget -> Sweep. of: budget -> its `values` of the axis, and fields of the Experiment, such as steps."""
    found = {}
    for budget in BUDGETS:
        fields = {**base, **of[budget]}
        found[budget] = Sweep(Experiment(), {axis: fields.pop("values")}, {name: {**fields, **v} for name, v in variants.items()})
    return found
