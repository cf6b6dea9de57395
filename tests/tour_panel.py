"""The panel of a tour, in a browser."""

import re

from browsing import expect


def head(page):
    return page.locator(".st-key-tour_head p").first


def heard(page, n, moment="asked"):
    """Waits until the keys are those of station n, before or after its answer."""
    expect(page.locator("html")).to_have_attribute("data-tour", re.compile(rf"\.{n - 1}\.{moment}$"))
