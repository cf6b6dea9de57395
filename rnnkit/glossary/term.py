"""What a term of the glossary is, and the topics under which terms stand."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """A word. Pages explain it by its line wherever one of its spellings stands."""

    name: str
    topic: str
    line: str  # plain text, one sentence or two
    equation: str = ""  # LaTeX
    sources: tuple[str, ...] = ()  # keys of SOURCES
    picture: str = ""  # key of PICTURES
    spellings: tuple[str, ...] = ()  # in the texts of pages
    controls: tuple[str, ...] = ()  # fields and remedies whose control it explains


SEQUENCE, GRADIENT, WEIGHTS, CELL, REMEDY, TEXT = (
    "The sequence",
    "The gradient",
    "The weights at the start",
    "The state and the cells",
    "Remedies",
    "Sentences and texts",
)
