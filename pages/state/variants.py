"""A named Experiment as one short text, for links: its name, and the settings that differ from the defaults, as in a query."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import parse_qsl, urlencode

from rnnkit.experiment import Experiment
from rnnkit.export.run_list import clean_name

NAME = "name"
APART = ("v", "length", "replicas", "seed")  # settings that a map of lengths sets by itself
MAX_CHARS = 600


def text(name: str, e: Experiment) -> str:
    """Returns the text, without commas."""
    usual = Experiment().to_query()
    own = {key: value for key, value in e.to_query().items() if key not in APART and usual.get(key) != value}
    return urlencode({NAME: clean_name(name)} | own, safe=":")


@lru_cache(maxsize=256)
def read(text: str) -> tuple[str, Experiment]:
    """Returns the name and the Experiment, which has the default length, networks and seed. Raises ValueError for other texts."""
    if len(text) > MAX_CHARS:
        raise ValueError(f"expected at most {MAX_CHARS} characters, got {len(text):,}")
    query = dict(parse_qsl(text, keep_blank_values=True))
    name = query.pop(NAME, "")
    if not name or clean_name(name) != name or query.keys() & set(APART):
        raise ValueError(f"expected {NAME}= and settings, got {text!r}")
    e, messages = Experiment.from_query(query)
    if messages:
        raise ValueError("; ".join(messages))
    return name, e


def is_text(text: str) -> bool:
    """Returns whether `read` takes this text."""
    try:
        read(text)
    except ValueError:
        return False
    return "," not in text
