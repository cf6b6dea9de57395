"""Vanishing: to be written."""

from __future__ import annotations

from pages import _layout

TITLE = "Vanishing"
CONTROLS = ()


def page() -> None:
    _layout.opening("Vanishing", "")


if __name__ == "__main__":  # see lab.py
    import dashboard

    dashboard.main()
