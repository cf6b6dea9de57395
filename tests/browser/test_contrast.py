"""Words of a chart's axes and legends, as the browser has drawn them: a contrast of 4.5 with the page, in light and dark."""

import re

import pytest
from browsing import expect
from contrasts import contrast
from ready_pages import BACK, READY, chart, link

TEXTS = """svg => [...svg.querySelectorAll("[class*=role-axis-] text, [class*=role-legend-] text")].map(e => {
    const { fill, fillOpacity, opacity } = getComputedStyle(e);
    return [e.textContent, fill, fillOpacity * opacity];
})"""
PAGES = ("lab", "vanishing", "corpus")


def as_hex(colour):
    return "#" + "".join(f"{int(n):02x}" for n in re.findall(r"\d+", colour)[:3])


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_words_of_a_chart_can_be_read(visit, server, name, look):
    page = visit(link(server, name), color_scheme=look)
    back = as_hex(page.evaluate(BACK))
    assert (contrast(back, "#000000") < 2) == (look == "dark")
    for begins in READY[name]:
        if begins[0] != ".":
            drawn = chart(page, begins).first
            expect(drawn.locator("text").first).to_be_attached()
            words = [
                (text, round(contrast(as_hex(fill), back), 1), shown)
                for text, fill, shown in drawn.evaluate(TEXTS)
                if text.strip()
            ]
            assert len(words) > 3
            assert [word for word in words if word[2] and (word[1] < 4.5 or word[2] < 1)] == []
