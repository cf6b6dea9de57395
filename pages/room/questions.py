"""A question of a room in Markdown, as the lecturer's screen and the members' phones show it."""

from __future__ import annotations

from pages.ui.markdown import plain, symbols
from rnnkit.serving.room import Ballot, Question

RIGHT, WRONG = ":green[**✓**]", ":orange[**✗**]"


def words(question: Question, text: str) -> str:
    """Returns a text of the question. What a lecturer has typed is shown as it is. The texts of a tour are Markdown."""
    return symbols(text) if question.station else plain(text)


def share(ballot: Ballot, answer: int) -> float:
    """Returns the share of the votes for an answer, 0 where nobody has voted."""
    return ballot.counts[answer] / ballot.total if ballot.total else 0.0


def score(ballot: Ballot) -> str:
    """Returns how many voted, and how many of them were right, where the question has a right answer."""
    if ballot.n_right is None or not ballot.total:
        return f"{ballot.total} voted"
    return f"{ballot.n_right} of {ballot.total} were right"
