"""Hostile links and files on the pages, without a browser: no traceback, few and short messages, nothing of them as Markdown."""

import re

import pytest
from apptest import SMALL, linked, prose, texts
from hostile_input import IMAGE, LONGEST, NASTY
from uploaded_files import QUICK, table, upload

from pages.state import url
from pages.ui import registry
from rnnkit.experiment import FIELDS, Experiment
from rnnkit.serving.limits import Limits

pytestmark = pytest.mark.usefixtures("nothing_given")
OWN = [key for page in registry.pages().values() for key in getattr(page, "LINKED", {})]
MORE = "v present hide lock tour own.page own.cell own.pin.length pin.lr pin.data".split()
PARAMETERS = [*FIELDS, *MORE, *OWN]
LINKS = {
    "everything an image": dict.fromkeys(PARAMETERS, IMAGE),
    "everything empty": dict.fromkeys(PARAMETERS, ""),
    "everything NUL": dict.fromkeys(PARAMETERS, "\0\ufeff\u202e"),
    "everything NaN": dict.fromkeys(PARAMETERS, "nan"),
    "everything huge": dict.fromkeys(PARAMETERS, "9" * 100),
    "unicode digits": dict.fromkeys(PARAMETERS, "١٢"),
    "strange names": {f"{i}{text[:80]}": text[:80] for i, text in enumerate(NASTY)},
    "beyond all limits": {"tour": "2", "own.steps": "1000000", "own.pin.hidden": "2048", "pin.replicas": "4096", "batch": "999"},
    "a path for a tour": {"tour": "../../../../etc/passwd", "own.page": "../../dashboard", "data": "../../etc/passwd"},
    "a path for a tour's station": {"tour": "../../../etc/passwd.1", "lock": "</style><script>alert(1)</script>"},
    "a tour that is not here": {"tour": "0123456789abcdef.3", "own.v": "99", "own.own.lr": "1"},
    "every control hidden and locked": {"hide": ",".join(PARAMETERS) + ",story,pin,train,tour,share", "lock": ",".join(OWN)},
    "style sheets": {"hide": "x{}</style><img src=x>,*", "lock": "lab_when} body { display: none } .x", **SMALL},
    "data of somebody else": {"task": "corpus", "data": "0123456789abcdef", "pin.task": "words", "pin.data": "fedcba9876543210"},
    "remedies": {"fixes": ",".join(["l1:1"] * 500 + ["x" * 99] * 30), "cell": "lstm", **SMALL},
}


def assert_plain(text):
    """Apart from what is escaped, and the links to the glossary, there is no sign left."""
    bare = re.sub(r"\\.", " ", re.sub(r'\[[\w -]+\]\(glossary\?[\w=-]+ "[^"]*"\)', " ", text))
    for sign in ("![", "](", "<b>", "<script", "<img", ":red", "$x$", "www.e", "://"):
        assert sign not in bare


def assert_calm(at):
    """No traceback; what is said is short and not too much; the run is one that this server allows."""
    assert not at.exception, at.exception[0]
    messages = [text for text in texts(at) if text.startswith("In the link:")]
    assert 1 <= len(messages) <= url.MAX_MESSAGES + 1
    assert all(len(text) < 2 * LONGEST for text in messages)
    assert_plain(" ".join(messages))
    e, _ = Experiment.from_query({k: v for k, v in at.query_params.items() if k in FIELDS})
    assert Limits().check(e) == {} and not e.data
    return messages


@pytest.mark.parametrize("link", LINKS.values(), ids=list(LINKS))
def test_a_hostile_link_opens_a_page(app, link):
    assert_calm(app(link))


@pytest.mark.parametrize(
    "page",
    [
        "network",
        "sentence",
        "vanishing",
        "exploding",
        "remedies",
        "compare",
        "how_far",
        "papers",
        "language",
        "series",
        "your_network",
    ],
)
def test_a_hostile_link_opens_other_pages(app, page):
    """With their own choices."""
    assert_calm(app(dict.fromkeys(OWN, IMAGE) | {"cell": "nope", "hidden": "-1", **SMALL}, page=page))


def test_a_link_that_no_dashboard_has_made_is_not_read(app):
    at = app({"cell": "gru", "x": "y" * 100_000})
    assert assert_calm(at) == ["In the link: it has 100,008 characters, expected at most 10,000: nothing of it was read"]
    assert linked(at) == Experiment()
    at = app({f"x{i}": "1" for i in range(900)} | {"cell": "gru"})
    assert assert_calm(at)[-1] == f"In the link: and {900 - url.MAX_MESSAGES} more things are wrong with it"
    assert linked(at).cell == "gru"


def test_what_a_file_is_called_and_holds_is_no_markdown(app):
    """An image would be a request to somebody else from every browser that opens the lecturer's shared link."""
    at = upload(app(QUICK, page="corpus"), (IMAGE.replace("/", "|") + ".tsv", table()))
    assert ": 200 sentences." in prose(at)
    assert_plain(prose(at))
    for files, expected in [
        ([(f"{IMAGE}{i}" * 20, b"x") for i in range(200)], "expected one file"),
        ([("x.tsv", f"prefix\tlabel\n{IMAGE}\tsg\tx\n".encode())], "expected 2 fields"),
    ]:
        upload(at, *files)
        refused = next(text for text in texts(at) if expected in text)
        assert_plain(refused)
        assert len(refused) < LONGEST
