"""What a preset is, and the questions that presets answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rnnkit.experiment import Experiment
from rnnkit.stories.claims import Claim


@dataclass(frozen=True)
class Preset:
    """A story: an experiment, its text and what that claims."""

    title: str
    text: str  # what happens and why, in one or two sentences
    experiment: Experiment
    claim: Claim
    mentions: Mapping[str, str] = field(default_factory=dict)  # part of the text about another preset -> that preset's name
    question: str = field(kw_only=True)  # that it answers; stories of one question stand together


# the questions, each with the stories that answer it
WHY = "Why does it forget?"
GROWS = "What if the gradient explodes?"
WEIGHTS = "Do the initial weights help?"
GATES = "Do gates help?"
RECURRENCE = "Does another recurrence help?"
PENALTY = "Does a penalty help?"
WHOLE = "Is the whole gradient needed?"
NOUNS = "Which noun counts?"
TASKS_OF_COURSES = "And the tasks that courses set?"
FILE = "And sentences of a file?"
