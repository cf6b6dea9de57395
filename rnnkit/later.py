"""Altair and pandas, each imported when it is first used: together as long as all of the dashboard's own files.

`from rnnkit.later import alt, pd` stands where `import altair as alt` and `import pandas as pd` would.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__all__ = ["alt", "pd"]


class Later:
    """Stands for a module, and imports it at the first access to one of its names."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        value = getattr(importlib.import_module(self._name), name)
        setattr(self, name, value)
        return value


if TYPE_CHECKING:
    import altair as alt
    import pandas as pd
else:
    alt, pd = Later("altair"), Later("pandas")
