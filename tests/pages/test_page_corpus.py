"""Real sentences: what is uploaded is read, trained on and examined, refused with a reason where it is broken, and private."""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from apptest import linked, prose, state, until
from browsing import PHONE, SIDEWAYS, button, expect, grown
from corpus_files import as_blimp, as_linzen
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from uploaded_files import QUICK, table, upload

from pages import corpus
from pages.server.browser_cookie import TOKEN, BrowserCookie
from pages.state import uploads, viewer_state
from pages.state.viewer_state import ViewerState
from rnnkit.corpus import linzen_2016, read_corpus, split
from rnnkit.engine.history import History
from rnnkit.serving.limits import Limits
from rnnkit.serving.run import Run
from rnnkit.stories.presets import PRESETS
from rnnkit.tasks.corpus import example_corpus
from rnnkit.tasks.data import STORE

pytestmark = pytest.mark.usefixtures("nothing_given")
GRU = PRESETS["corpus-gru"].experiment


DIGEST = read_corpus(table()).digest


# ---- without a browser ----


def test_another_task_gets_the_example_in_training_and_buttons_train_others(app):
    at = app(page="corpus")
    assert not at.exception and linked(at) == corpus.EXAMPLE and state(at).playback.playing
    assert "The present task is another one" not in prose(at)
    at.button(key="corpus_corpus-gru").click().run()
    assert not at.exception and linked(at) == replace(GRU, length=corpus.EXAMPLE.length)
    assert corpus.EXAMPLE.length == corpus.EXAMPLE.bound_task.words.max(), "no column of the heatmap is empty"
    assert f"{len(example_corpus()):,} of 7 to 20 words" in prose(at)


def test_uploaded_sentences_are_trained_on_and_examined(app):
    at = upload(app(QUICK, page="corpus"), ("mine.tsv", table()))
    e = linked(at)
    assert (e.data, e.task, e.cell, e.hidden) == (DIGEST, "corpus", "gru", 6)
    assert e.length == max(len(words) for words in STORE.get(DIGEST).prefixes)
    assert "**mine.tsv**: 200 sentences." in prose(at)
    assert "Read as table of prefixes, recognised by its first line." in prose(at)
    until(at, lambda at: "is right in" in prose(at))
    assert "bag of words" in prose(at) and "says nothing about attractors or distances" in prose(at)
    assert not at.error


def test_the_examples_results_are_drawn_by_attractors_and_distance(app):
    at = until(app(QUICK, page="corpus"), lambda at: "is right in" in prose(at))
    assert "Right answers by attractors" in prose(at) and "Right answers by distance" in prose(at)
    assert "56 most frequent words" not in prose(at) and "50 most frequent words" in prose(at)


def test_published_values_stand_beside_sentences_with_attractors(app):
    at = upload(app(QUICK, page="corpus"), ("linzen.tsv", as_linzen()))
    until(at, lambda at: "is right in" in prose(at))
    assert "yours is what the file holds" in prose(at) and published_in_the_key(at)


@pytest.mark.parametrize("given", [None, as_blimp()])
def test_published_values_stand_beside_nothing_else(app, given):
    """Not beside the example's generated sentences, nor a file that has no attractors."""
    at = app(QUICK, page="corpus")
    if given:
        upload(at, ("other", given))
    until(at, lambda at: "is right in" in prose(at))
    assert "yours is what the file holds" not in prose(at) and not published_in_the_key(at)


def published_in_the_key(at):
    return any(linzen_2016.NAME in html.proto.body for html in at.get("html"))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], "expected a file, got none"),
        ([("a.tsv", b"prefix\tlabel\n" + b"the cat\t\n" * 20 + table()[13:])], "line 2"),
        ([("a.tsv", b"prefix\tnumber\n" + table()[13:])], "label"),
        ([("a.tsv", b"\xff\xfe\x00prefix")], "UTF-16"),
        ([("a.tsv", b"prefix\tlabel\nthe cat\tsingular\n")], "100 different prefixes"),
        ([("a.zip", b"PK\x03\x04" + bytes(100))], "ZIP"),
        ([("a.tsv", table()), ("b.tsv", table())], "expected one file"),
        ([("a.text", b"the cat was here\n"), ("a.gold", b"2\twas\twere\t0\n3\tis\tare\t0\n")], ".gold"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_and_loses_nothing(app, files, expected):
    at = app(QUICK, page="corpus")
    before = linked(at)
    upload(at, *files)
    (error,) = at.error
    assert error.value.startswith("This cannot be used: ") and expected in error.value
    assert linked(at) == before and not STORE


def test_a_file_that_was_refused_does_not_stay_beside_the_next_one(app):
    at = app(QUICK, page="corpus")
    upload(at, ("bad.tsv", b"prefix\tnumber\n" + table()[13:]))
    assert all(not field.value for field in at.file_uploader)
    field = next(w for w in at.file_uploader if w.label.startswith("Sentences"))
    field.upload("mine.tsv", table(), "text/plain")  # adds to what is there, as a browser does
    next(b for b in at.button if b.label == "Read these sentences").click().run()
    assert not at.error and linked(at).data == DIGEST


def test_a_second_file_is_tested_on(app):
    suite = b"prefix\tlabel\nthe cat\tsg\nthe dogs\tpl\nthe dogs\tpl\n"
    at = upload(app(QUICK, page="corpus"), ("mine.tsv", table()), test=[("suite.tsv", suite)])
    corpus = STORE.get(linked(at).data)
    assert (np.bincount(split(corpus), minlength=3)[2], corpus.name) == (3, "mine.tsv, tested on suite.tsv")
    until(at, lambda at: "of 3 sentences (2 different, 95 % interval" in prose(at))
    assert "3 test sentences are 2 different ones" in prose(at)
    assert "Known words: " in prose(at) and "of those in the test" in prose(at)


def test_a_second_file_that_cannot_be_used_is_named(app):
    at = upload(app(QUICK, page="corpus"), ("mine.tsv", table()), test=[("suite.tsv", b"once upon a time")])
    (error,) = at.error
    assert "suite.tsv, to test on: line 1: no known format begins with" in error.value and not STORE


def test_the_examples_are_called_generated(app):
    at = app(QUICK, page="corpus")
    assert "These are no real sentences" in prose(at) and "generated by" in prose(at)
    assert "Sentences that nobody here wrote, read" not in prose(at)


def test_baselines_that_are_left_out_are_not_in_the_key_and_the_reason_is_told(app):
    lines = [f"x{i} {'la casa' if i % 2 else 'le case'}\t{'sg' if i % 2 else 'pl'}\t0" for i in range(300)]
    at = upload(app(QUICK, page="corpus"), ("it.tsv", "\n".join(["prefix\tlabel\tn_attractors", *lines]).encode()))
    until(at, lambda at: "is right in" in prose(at))
    assert any("do not look English" in warning.value for warning in at.warning)
    assert not any("opposite of the last noun" in html.proto.body for html in at.get("html"))


def test_sentences_are_their_owners_until_they_are_shared(app):
    owner = upload(app(QUICK, page="corpus"), ("mine.tsv", table()))
    link = linked(owner).to_query()
    stranger = app(link, page="corpus")
    assert any(DIGEST in warning.value and "not shared" in warning.value for warning in stranger.warning)
    assert linked(stranger).data == "" and "mine.tsv" not in prose(stranger)
    owner.toggle(key=f"share_{DIGEST}").set_value(True).run()
    guest = app(link, page="corpus")
    assert (
        not any("In the link" in warning.value for warning in guest.warning)
        and linked(guest).data == DIGEST
        and "mine.tsv" in prose(guest)
    )
    assert not guest.toggle, "only who gave the sentences can share them"


def test_who_has_the_same_file_may_use_it_too(app):
    first = upload(app(QUICK, page="corpus"), ("mine.tsv", table()))
    second = upload(app(QUICK, page="corpus"), ("yours.tsv", table()))
    assert linked(first).data == linked(second).data == DIGEST
    for at in (first, second):
        assert not at.run().error and linked(at).data == DIGEST


def test_sentences_that_were_forgotten_are_told_and_the_page_lives_on(app):
    at = upload(app(QUICK, page="corpus"), ("mine.tsv", table()))
    uploads.store.clear()
    STORE.clear()
    at.run()
    assert not at.exception and any(DIGEST in error.value for error in at.error)


def test_what_a_run_costs_is_known_when_its_sentences_are_forgotten():
    """How long others wait is estimated from all runs, also from those whose data are gone."""
    e = replace(GRU, data=STORE.put(read_corpus(table())))
    run = Run(e, History(e))
    STORE.drop(e.data)
    assert run.gigaflops > 0


def test_the_least_recently_used_is_forgotten_when_it_is_too_much():
    shelf, corpora = uploads.UploadStore(Limits(keep_upload_megabytes=1)), [read_corpus(table(n)) for n in (150, 160, 170)]
    one, two = (shelf.put(corpus, 500_000, "me") for corpus in corpora[:2])
    assert shelf.allows(one, "me") and not shelf.allows(one, "you")
    three = shelf.put(corpora[2], 500_000, "me")
    assert shelf.allows(one, "me") and shelf.allows(three, "me") and not shelf.allows(two, "me")
    assert set(STORE) == {one, three}


@pytest.mark.parametrize(
    "page",
    [
        "network",
        "vanishing",
        "steps",
        "sentence",
        "remedies",
        "exploding",
        "compare",
        "lab",
        "stories",
        "how_far",
        "papers",
        "your_network",
    ],
)
def test_every_other_page_bears_such_a_task(app, page):
    at = app(QUICK, page=page)
    assert not at.exception


def test_the_browser_is_known_by_its_cookie_and_a_forged_one_is_not_taken(monkeypatch):
    def known_by(**cookies):
        monkeypatch.setattr(uploads.st, "context", SimpleNamespace(cookies=cookies))
        monkeypatch.setattr(viewer_state, "current", lambda: ViewerState(id="the session"))
        return uploads.viewer()

    assert known_by(rnnkit_browser="a_-4" * 10 + "xyz") == "a_-4" * 10 + "xyz"
    for wrong in ("", "the session", "a" * 42, "a" * 44, "é" * 43, "a" * 42 + "\n"):
        assert known_by(rnnkit_browser=wrong) == known_by() == "the session"


def test_a_browser_without_a_cookie_gets_one_with_its_first_page():
    def given(accept="text/html,*/*", cookie="", scheme="http"):
        headers = [(b"accept", accept.encode()), (b"cookie", cookie.encode())]
        scope = {"type": "http", "method": "GET", "path": "/lab", "scheme": scheme, "headers": headers, "query_string": b""}
        sent = []

        async def send(message):
            sent.append(message)

        with pytest.raises(StopIteration):  # it waits for nothing, and browser tests have the event loop
            BrowserCookie(PlainTextResponse("a page"))(scope, None, send).send(None)
        return Headers(raw=sent[0]["headers"]).get("set-cookie", "")

    assert given(accept="*/*") == "", "no page"
    token, *rest = given().removeprefix("rnnkit_browser=").split("; ")
    assert TOKEN.fullmatch(token) and rest == ["Path=/", "HttpOnly", "SameSite=Lax"]
    assert given(cookie=f"rnnkit_browser={token}") == "", "it has one"
    assert TOKEN.search(given(cookie="rnnkit_browser=forged"))[0] != token != TOKEN.search(given())[0]
    assert given(scheme="https").endswith("; Secure")


# ---- in a browser ----


def test_a_corpus_is_uploaded_trained_shared_and_known_after_a_reload(server, visit, tmp_path):
    path = tmp_path / "mine.tsv"
    path.write_bytes(table())
    page = visit(server.link("/corpus", **QUICK))
    grown(page, 2)
    page.get_by_text("Bring sentences", exact=True).click()
    page.locator("input[type=file]").first.set_input_files(str(path))
    expect(page.get_by_text("mine.tsv")).to_be_visible()
    button(page, "Read these sentences").click()
    expect(page.get_by_text("200 sentences.")).to_be_visible()
    expect(page.get_by_text("Network 1 is right in")).to_be_visible()
    expect(page).to_have_url(re.compile(f"data={DIGEST}"))
    stranger = visit(page.url)
    expect(stranger.get_by_text("or not shared")).to_be_visible()
    page.reload()
    expect(page.get_by_text("200 sentences.")).to_be_visible()
    page.get_by_text("Share with everybody who has the link").click()
    page.wait_for_timeout(1000)
    guest = visit(page.url, viewport=PHONE)
    expect(guest.get_by_text("200 sentences.")).to_be_visible()
    grown(guest, 2)
    assert max(guest.evaluate(SIDEWAYS)) <= 0


def test_the_heatmap_says_what_its_grey_columns_are(server, visit):
    from browsing import expect

    page = visit(server.link("/corpus"), viewport={"width": 1366, "height": 768})
    expect(page.locator(".heatmap .marks .nothing")).to_be_visible()
    expect(page.locator(".heatmap .marks .nothing")).to_have_text("no sequence yet")
    expect(page.get_by_test_id("stMain")).to_contain_text("Columns in which none has begun stay grey.")
    page.goto(server.link("/lab", length=8, steps=5, replicas=1))
    expect(page.locator(".heatmap")).to_have_attribute("data-rows", "6")
    expect(page.locator(".heatmap .marks .nothing")).to_be_hidden()
