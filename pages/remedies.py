"""Remedies: to be written."""

from __future__ import annotations

from pages import _layout

TITLE = "Remedies"
CONTROLS = ()


def page() -> None:
    _layout.opening("Remedies", "")


if __name__ == "__main__":  # see lab.py
    import dashboard

    dashboard.main()
