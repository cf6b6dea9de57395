"""The glossary's page, and its words where they stand on the other pages."""

import re

import pytest
from apptest import SMALL, until, widget
from browsing import PHONE, SIDEWAYS, expect

from pages.ui import registry
from rnnkit.experiment import FIELDS
from rnnkit.glossary import PICTURES, SOURCES, TERMS

LAPTOP = {"width": 1366, "height": 768}
LINK = re.compile(r"\[([^\]]*)\]\(glossary([^)\s]*)(?: \"([^\"]*)\")?\)")
TOO_WIDE = """() => [...document.querySelectorAll(".katex-display")].filter(e => e.scrollWidth > e.clientWidth)
    .map(e => e.textContent)"""
LSTM = {**SMALL, "cell": "lstm"}
LINKED = {
    "vanishing": {"time-step", "jacobian"},
    "language": {"minimal-pair", "bits"},
    "exploding": {"nan"},
    "lab": {"time-step", "training-step"},  # in captions
    "sentence": {"state-gradient"},
    "remedies": {"orthogonal", "chrono"},  # in the text of the panel and in suggestions
}


def in_place(at):
    """(text of a link, its address, its title) of all links into the glossary, as one list a text or help."""
    texts = [e.value for kind in (at.markdown, at.caption, at.info) for e in kind]
    controls = (at.selectbox, at.number_input, at.multiselect, at.markdown, at.metric)
    helps = [help for kind in controls for e in kind if (help := getattr(e.proto, "help", ""))]
    return [LINK.findall(text) for text in texts], [LINK.findall(help) for help in helps]


# ---- without a browser ----


def test_every_word_stands_on_the_page_with_what_belongs_to_it(app):
    at = app(page="glossary")
    assert not at.exception and not at.warning
    names = [heading.value for heading in at.subheader]
    assert names[1:] == [term.name for term in TERMS.values()]
    assert [heading.proto.anchor for heading in at.subheader][1:] == list(TERMS)
    said = [text.value for text in at.markdown]
    for term in TERMS.values():
        (own,) = [text for text in said if text.startswith(term.line)]
        assert term.equation in own
        for name in term.sources:
            assert f"[{SOURCES[name].short}]({SOURCES[name].link})" in own
    pictures = [block.proto.body for block in at.get("html") if "<img" in block.proto.body]
    assert len(pictures) == sum(bool(term.picture) for term in TERMS.values())
    reading = said[-1]
    assert len(reading.splitlines()) == len(SOURCES)
    assert all(source.title in reading and source.link in reading for source in SOURCES.values())


def test_a_word_that_is_chosen_stands_first(app):
    at = app({"glossary_word": "clipping"}, page="glossary")
    assert [heading.value for heading in at.subheader][1] == "Clipping" and not at.exception
    assert len(at.subheader) == len(TERMS) + 2
    widget(at, "glossary_word").set_value("gain").run()
    assert at.subheader[1].value == "Gain" and at.query_params["glossary_word"] in ("gain", ["gain"])


@pytest.mark.parametrize("name", registry.NAMES)
def test_words_in_place_are_links_to_words_of_the_glossary(app, name):
    at = app(LSTM if name != "language" else {**LSTM, "task": "words"}, page=name)
    texts, helps = in_place(at)
    for links in texts + helps:
        keys = [address.removeprefix("?glossary_word=") for _, address, _ in links]
        assert {*keys} <= TERMS.keys() and len({*keys}) == len(keys), "each once in a text"
    assert all(title == TERMS[address.partition("=")[2]].line for links in texts for _, address, title in links)
    found = {address.partition("=")[2] for links in texts for _, address, _ in links}
    assert found >= LINKED.get(name, set())
    assert not at.exception


def test_the_controls_explain_themselves_with_a_picture(app):
    at = app(LSTM, page="lab")
    for key, words in {
        "length": ["length"],
        "input_scale": ["input-scale"],
        "bias": ["chrono", "forget-gate"],
        "init": ["irnn"],
    }.items():
        help = next(w.proto.help for kind in (at.number_input, at.selectbox) for w in kind if w.key.split("~")[0] == f"c_{key}")
        assert help.startswith(FIELDS[key].help)
        for word in words:
            assert f"glossary?glossary_word={word}" in help and TERMS[word].line in help
            assert not TERMS[word].picture or PICTURES[TERMS[word].picture].address in help
    clip = next(w for w in at.number_input if w.key.split("~")[0] == "s_clip-norm")
    assert PICTURES["clipping"].address in clip.proto.help


def test_the_causes_of_vanishing_explain_themselves(app, pool):
    at = until(app(SMALL, page="vanishing"), lambda at: at.metric)
    helps = {metric.label: metric.proto.help for metric in at.metric}
    assert TERMS["spectral-radius"].line in helps["Spectral radius ρ"]
    assert TERMS["singular-value"].line in helps["Singular value λ₁"]
    assert TERMS["saturation"].line in helps["Mean slope |φ′(a)|"]


# ---- in a browser ----


def test_a_word_is_explained_on_hover_by_keyboard_and_in_a_tab_of_its_own(server, visit):
    page = visit(server.link("/vanishing", **SMALL), viewport=LAPTOP, locale="en-US")  # another tab: a context of its own
    marked = page.get_by_test_id("stMain").locator(".stMarkdown", has=page.get_by_role("link", name="Jacobian", exact=True))
    text = marked.first  # the page's opening; another one stands in a caption, once that is computed
    word = text.get_by_role("link", name="Jacobian", exact=True)
    expect(word).to_have_attribute("title", TERMS["jacobian"].line)
    text.get_by_role("button", name="Help").focus()
    help = page.get_by_test_id("stTooltipContent")
    expect(help).to_contain_text(TERMS["jacobian"].line)
    for picture in help.locator("img").all():
        assert picture.evaluate("e => e.decode().then(() => e.naturalWidth)") > 50, "it is drawn"
    with page.expect_popup() as opened:
        word.click()
    other = opened.value
    expect(other.locator(".st-key-glossary_chosen").get_by_role("heading", name="Jacobian")).to_be_visible()
    expect(other.locator(".st-key-glossary_chosen .katex-display")).to_be_visible()
    box = other.locator(".st-key-glossary_chosen").bounding_box()
    assert box["y"] + box["height"] <= LAPTOP["height"], "on the first screen"
    other.close()


def test_the_glossary_on_a_phone(server, visit):
    page = visit(server.link("/glossary"), viewport=PHONE, has_touch=True, is_mobile=True)
    expect(page.locator(".glossary-picture")).to_have_count(sum(bool(term.picture) for term in TERMS.values()))
    expect(page.get_by_role("heading", name="Reading list")).to_be_visible()
    assert max(page.evaluate(SIDEWAYS)) <= 0
    assert page.evaluate(TOO_WIDE) == [], "no equation leaves its card"
    page.get_by_role("link", name="Omega", exact=True).tap()
    expect(page.locator("#omega")).to_be_in_viewport()
