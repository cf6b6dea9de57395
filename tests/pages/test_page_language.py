"""Language model: a text is brought, trained on, measured, asked to agree and to write; what cannot be used is told."""

import pytest
from apptest import linked, prose, until
from browsing import PHONE, SIDEWAYS, button, expect, grown

from pages.language import NETWORKS
from rnnkit.tasks import data

pytestmark = pytest.mark.usefixtures("nothing_given")
QUICK = {"v": "1", "task": "characters", "length": "20", "steps": "20", "hidden": "6", "replicas": "1", "cell": "gru"}
TEXT = "to be, or not to be, that is the question: whether 'tis nobler in the mind to suffer the slings and arrows. " * 12


def paste(at, text):
    at.text_area[0].set_value(text)
    next(b for b in at.button if b.label == "Read this text").click().run()
    assert not at.exception
    return at


def written(at):
    return next((block.proto.body for block in at.get("html") if 'class="written"' in block.proto.body), "")


def test_another_task_is_offered_a_network_to_begin_with(app):
    at = app(page="language")
    assert not at.exception and "The present task is another one" in prose(at)
    for i, network in enumerate(NETWORKS.values()):
        at.button(key=f"language_network_{i}").click().run()
        assert not at.exception and linked(at) == network.experiment
    assert "sentences of the agreement task" in prose(at)


def test_a_pasted_text_is_trained_on_measured_and_continued(app):
    at = paste(app(QUICK, page="language"), TEXT)
    e = linked(at)
    assert e.task == "characters" and e.data == next(iter(data.KEPT)) and e.hidden == 6
    assert f"{len(TEXT):,} characters" in prose(at)
    told = ("were its first guess", "The right form is more probable in", "bits per character")
    until(at, lambda at: written(at) and all(words in prose(at) for words in told))
    assert not at.error


BOOK = (
    "*** START OF THE PROJECT GUTENBERG EBOOK X ***\n" + TEXT.replace(". ", ".\n") + "«Ça va?» Œuvres ößøłđ\n"
    "*** END OF THE PROJECT GUTENBERG EBOOK X ***\nA licence.\n"
)  # fmt: skip


def test_a_book_of_project_gutenberg_is_read_without_its_licence_and_its_coverage_is_told(app):
    at = paste(app(QUICK, page="language"), BOOK)
    assert "Left out: Project Gutenberg's header" in prose(at)
    kept = linked(at).data
    assert "PROJECT GUTENBERG" not in data.KEPT[kept].text.upper()
    told = ("of the characters of the training part", "What the bits count:", "Over the known characters alone, in bits: network")
    until(at, lambda at: all(words in prose(at) for words in told))
    assert "Known: 100 % of the characters of the training part, " in prose(at)
    at.checkbox(key="language_given_book").uncheck()
    paste(at, BOOK)
    assert linked(at).data != kept and "PROJECT GUTENBERG" in data.KEPT[linked(at).data].text


def test_the_same_seed_writes_the_same_and_unknown_symbols_are_named(app):
    at = until(app(QUICK, page="language"), written)
    before = written(at)
    at.number_input(key="language_seed").set_value(1).run()
    until(at, lambda at: written(at) and written(at) != before)
    at.number_input(key="language_seed").set_value(0).run()
    until(at, lambda at: written(at) == before)
    at.text_input(key="language_prompt").set_value("The <b>cat</b>").run()
    until(at, lambda at: "&lt;b&gt;cat" in written(at))
    (warning,) = (w.value for w in at.warning if "Not in the alphabet" in w.value)
    assert "“T”" in warning and "“\\<”" in warning


def test_words_have_perplexity_and_agreement_by_attractors(app):
    at = until(app(QUICK | {"task": "words"}, page="language"), lambda at: "The right form is more probable in" in prose(at))
    assert "perplexity" in prose(at) and "Prefixes of the example's grammar that do not occur in the text." in prose(at)


@pytest.mark.parametrize(("text", "told"), [("", "expected a file or a pasted text"), ("too short", "at least 500 characters")])
def test_a_text_that_cannot_be_used_is_told_and_loses_nothing(app, text, told):
    at = app(QUICK, page="language")
    before = linked(at)
    paste(at, text)
    assert any(error.value.startswith("This cannot be used: ") and told in error.value for error in at.error)
    assert linked(at) == before


def test_a_text_is_pasted_trained_and_continued_in_a_browser(server, visit):
    page = visit(server.link("/language", **QUICK))
    grown(page, 2)
    page.get_by_text("Bring a text").click()
    page.get_by_role("textbox", name="or paste a text").fill(TEXT)
    button(page, "Read this text").click()
    expect(page.get_by_text(f"{len(TEXT):,} characters.")).to_be_visible()
    expect(page.locator(".written")).to_be_visible()
    page.get_by_text("Other minimal pairs").click()
    pairs = "True\tthe slings and the arrows suffer\nFalse\tthe slings and the arrows whether\nTrue\tthey are\nFalse\tthey Ist\n"
    page.locator("input[type=file]").last.set_input_files({"name": "p.txt", "mimeType": "text/plain", "buffer": pairs.encode()})
    button(page, "Read these pairs").click()
    expect(page.get_by_text("Read as lines marked True and False: 2 different pairs.")).to_be_visible()
    expect(page.get_by_text("1 pair left out: a character that differs is not known (“I”).")).to_be_visible()
    expect(page.get_by_text("of 1 pair (95 % interval")).to_be_visible()
    page.set_viewport_size(PHONE)
    page.wait_for_timeout(1000)
    assert max(page.evaluate(SIDEWAYS)) <= 0
