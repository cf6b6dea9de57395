"""A text drawn from a language model after a prompt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LmSample:
    """One sample; the same seed gives the same text."""

    text: str  # the drawn symbols
    after: str  # the prompt as it was read
    unknown: list[str]  # pieces of the prompt that are not in the alphabet
    diverged: int  # training step at which the network became NaN (its last sound weights are used), or -1
