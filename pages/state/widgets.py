"""The values of widgets in st.session_state, and keys that make a new widget of an old one.

viewer_state.py holds the state of a viewer that belongs to no widget.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st


def value(key: str, otherwise: Any = None) -> Any:
    """Returns the value of the widget with this key, `otherwise` where there is no such widget.

    A poll that the browser sends before it receives a new page carries the widgets of the previous page, which Streamlit has
    removed. Streamlit then calls the callbacks of all of them, and they find no value here.
    """
    return st.session_state.get(key, otherwise)


def put(key: str, value: Any) -> None:
    """Sets the widget's value before it is drawn. A needless write would discard what the viewer is typing."""
    st.session_state[key] = value


def begin(key: str, value: Any) -> Any:
    """Sets the widget's value if it has none yet. Returns its value."""
    return st.session_state.setdefault(key, value)


@dataclass
class VersionedKey:
    """The key of a widget that becomes another widget when something else than the viewer sets its value.

    A browser that still shows the old widget would send its old value back, which would count as the viewer's choice. Under a
    new key it does not. The key is "NAME", later "NAME~1", "NAME~2". In the element's class Streamlit writes "-" for "~".
    """

    name: str
    version: int = 0

    @property
    def key(self) -> str:
        return f"{self.name}~{self.version}" if self.version else self.name

    def renew(self) -> None:
        """Makes a new widget of it."""
        self.version += 1

    def is_current(self, key: str) -> bool:
        """Returns whether this is the key of the present widget. Callbacks of an earlier one can still come."""
        return key == self.key


class VersionedKeys(dict[str, VersionedKey]):
    """Name -> VersionedKey, made on first use."""

    def __missing__(self, name: str) -> VersionedKey:
        self[name] = VersionedKey(name)
        return self[name]

    def renew(self) -> None:
        """Renews all of them."""
        for key in self.values():
            key.renew()
