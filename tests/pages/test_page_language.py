"""Language model: a text is brought, trained on, measured, asked to agree and to write; what cannot be used is told."""

import json
import re

import pytest
from apptest import linked, prose, state, until
from browsing import PHONE, SIDEWAYS, button, expect, grown

from pages.language import NETWORKS
from rnnkit.corpus import blimp_2020
from rnnkit.tasks.data import STORE

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


def test_another_task_gets_the_example_in_training_and_buttons_train_others(app):
    at = app(page="language")
    first = next(iter(NETWORKS.values())).experiment
    assert not at.exception and linked(at) == first and state(at).playback.playing
    assert "The present task is another one" not in prose(at)
    assert "sentences of the agreement task" in prose(at)
    for i, network in enumerate(NETWORKS.values()):
        at.button(key=f"language_network_{i}").click().run()
        assert not at.exception and linked(at) == network.experiment


def test_a_pasted_text_is_trained_on_measured_and_continued(app):
    at = paste(app(QUICK, page="language"), TEXT)
    e = linked(at)
    assert e.task == "characters" and e.data == next(iter(STORE)) and e.hidden == 6
    assert f"{len(TEXT):,} characters" in prose(at)
    phrases = ("were its first guess", "The right form is more probable in", "bits per character")
    until(at, lambda at: written(at) and all(words in prose(at) for words in phrases))
    assert not at.error


BOOK = (
    "*** START OF THE PROJECT GUTENBERG EBOOK X ***\n" + TEXT.replace(". ", ".\n") + "«Ça va?» Œuvres ößøłđ\n"
    "*** END OF THE PROJECT GUTENBERG EBOOK X ***\nA licence.\n"
)  # fmt: skip


def test_a_book_of_project_gutenberg_is_read_without_its_licence_and_its_coverage_is_told(app):
    at = paste(app(QUICK, page="language"), BOOK)
    assert "Left out: Project Gutenberg's header" in prose(at)
    kept = linked(at).data
    assert "PROJECT GUTENBERG" not in STORE.get(kept).text.upper()
    phrases = (
        "of the characters of the training part",
        "What the bits count:",
        "Over the known characters alone, in bits: network",
    )
    until(at, lambda at: all(words in prose(at) for words in phrases))
    assert "Known: 100 % of the characters of the training part, " in prose(at)
    at.checkbox(key="language_given_book").uncheck()
    paste(at, BOOK)
    assert linked(at).data != kept and "PROJECT GUTENBERG" in STORE.get(linked(at).data).text


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


def pairs_table(app, *uids):
    """What the page says of pairs with these UIDs: all its text, and the table's cells."""
    lines = [{"sentence_good": f"the {n} is", "sentence_bad": f"the {n} are"} for n in ("king", "queen", "duke")[: len(uids)]]
    data = "\n".join(json.dumps(line | ({"UID": uid} if uid else {})) for line, uid in zip(lines, uids, strict=True))
    at = until(app(QUICK, page="language"), written)
    next(w for w in at.file_uploader if w.label.startswith("Minimal pairs")).set_value([("b.jsonl", data.encode(), "text/plain")])
    next(b for b in at.button if b.label == "Read these pairs").click().run()
    until(at, lambda at: "Pairs of b.jsonl" in prose(at) and written(at))
    at.run()
    assert not at.exception and not at.error
    table = next((block.proto.body for block in at.get("html") if 'class="texttable"' in block.proto.body), "")
    return prose(at), re.findall("<t[hd][^>]*>(.*?)</t[hd]>", table)


def test_pairs_of_blimp_stand_beside_the_published_values(app):
    said, cells = pairs_table(app, "distractor_agreement_relative_clause", "distractor_agreement_relative_clause", "<b>mine</b>")
    assert blimp_2020.ABOUT in said and "Right answers by paradigm" in said
    assert cells[1] == "published" and cells[2:10] == ["paradigm (UID)", "pairs", "network", "95 % interval", *blimp_2020.NAMES]
    assert cells[10:12] == ["distractor_agreement_relative_clause", "2"] and cells[14:18] == [
        "21.7 %",
        "62.7 %",
        "65.7 %",
        "85.7 %",
    ]
    assert cells[18:20] == ["&lt;b&gt;mine&lt;/b&gt;", "1"] and cells[22:] == ["–"] * 4, "a file's text is text"


@pytest.mark.parametrize(("uids", "header"), [(("", ""), 0), (("mine", "yours"), 4)])
def test_other_pairs_have_no_published_column(app, uids, header):
    said, cells = pairs_table(app, *uids)
    assert "Published" not in said and "published" not in cells and "human" not in cells
    assert len(cells) == header * 3 and ("by paradigm" in said) == bool(header)


@pytest.mark.parametrize(
    ("text", "expected"), [("", "expected a file or a pasted text"), ("too short", "at least 500 characters")]
)
def test_a_text_that_cannot_be_used_is_told_and_loses_nothing(app, text, expected):
    at = app(QUICK, page="language")
    before = linked(at)
    paste(at, text)
    assert any(error.value.startswith("This cannot be used: ") and expected in error.value for error in at.error)
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
