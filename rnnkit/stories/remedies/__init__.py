"""Remedies compared with a plain network: descriptions (ideas), experiments with claims (panels), outcomes (results).

The page Remedies draws them, and a test trains every claim.
"""

from rnnkit.stories.remedies.ideas import IDEAS, LEVELS, Idea
from rnnkit.stories.remedies.panels import PANELS, Panel, Remedy, repairs
from rnnkit.stories.remedies.results import Outcome, Result, lessons, measure, result

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
    "result",
]
