"""Every remedy against a plain network: what it is (ideas), what it is tried on (panels), and what came out (results).

The page Remedies draws them; a test trains every claim.
"""

from rnnkit.stories.remedies.ideas import IDEAS, LEVELS, Idea
from rnnkit.stories.remedies.panels import PANELS, Panel, Remedy, repairs
from rnnkit.stories.remedies.results import Outcome, Result, lessons, measure

__all__ = [
    "IDEAS",
    "LEVELS",
    "PANELS",
    "Idea",
    "Outcome",
    "Panel",
    "Remedy",
    "Result",
    "lessons",
    "measure",
    "repairs",
]
