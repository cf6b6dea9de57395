"""Step by step: to be written."""

from __future__ import annotations

from pages import _layout

TITLE = "Step by step"
CONTROLS = ()


def page() -> None:
    _layout.opening("Step by step", "")


if __name__ == "__main__":  # see lab.py
    import dashboard

    dashboard.main()
