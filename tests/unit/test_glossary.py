"""The glossary: each word once, with what it needs; its links, its pictures, and its marks in texts."""

import ast
import re
from collections import Counter
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from conftest import ROOT

from rnnkit import glossary
from rnnkit.engine.fixes import FIXES
from rnnkit.experiment import FIELDS
from rnnkit.glossary import PICTURES, SOURCES, TERMS
from rnnkit.glossary.pictures import HEIGHT, WIDTH
from rnnkit.stories.remedies import IDEAS

USERS = {path: path.read_text("utf-8") for path in ROOT.glob("pages/**/*.py") if "glossary." in path.read_text("utf-8")}


def test_no_word_spelling_or_line_stands_twice():
    for of in (lambda term: [term.name], lambda term: [term.line], lambda term: term.spellings):
        assert [what for what, n in Counter(what for term in TERMS.values() for what in of(term)).items() if n > 1] == []
    topics = [term.topic for term in TERMS.values()]
    assert len({*topics}) == sum(a != b for a, b in zip([None, *topics], topics, strict=False)), "each topic in one place"


@pytest.mark.parametrize("key", TERMS)
def test_a_term_is_whole(key):
    """Its key is part of an address, and its line the title of a link in Markdown."""
    term = TERMS[key]
    assert re.fullmatch("[a-z]+(-[a-z]+)*", key)
    assert not set('"`$[]*_\n') & set(term.line) and term.line.endswith(".") and len(term.line) <= 130
    assert {*term.sources} <= SOURCES.keys() and {*term.controls} <= FIELDS.keys() | FIXES.keys()
    assert not term.picture or term.picture in PICTURES
    for spelling in term.spellings:
        assert glossary.marked(f"So {spelling}.") == f"So {glossary.link(key, spelling)}."


def test_the_words_that_were_asked_for_are_there():
    text = " ".join(f"{term.name} {term.line}" for term in TERMS.values())
    for word in ("Sequence length T", "Gain", "Input scale", "dL/dh", "Spectral radius", "Attractor", "Omega", "Chrono", "IRNN"):
        assert word in text
    for word in ("Truncation", "Clipping", "Time step", "Training step", "Echo state network", "Jacobian", "AR and TAR"):
        assert word in text


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_is_used_and_its_link_has_the_right_form(name):
    source = SOURCES[name]
    assert any(name in term.sources for term in TERMS.values())
    arxiv = re.fullmatch(r"https://arxiv\.org/abs/(\d\d)(\d\d)\.\d{4,5}", source.link)
    assert arxiv or re.fullmatch(r"https://doi\.org/10\.\d{4}/\S+|https://[a-z.]+/[\w./~-]+\.(html|pdf)", source.link)
    if arxiv:  # it appeared there in the year of the publication, or at most two years before
        assert source.year - 2000 - int(arxiv[1]) in (0, 1, 2) and 1 <= int(arxiv[2]) <= 12
    assert 1950 < source.year < 2027 and not source.title[:2].islower() and not source.title.endswith(".")


def test_the_reading_list_is_in_order_and_has_each_paper_once():
    years = [source.year for source in SOURCES.values()]
    assert years == sorted(years)
    for of in ("link", "title", "short"):
        assert len({getattr(source, of) for source in SOURCES.values()}) == len(SOURCES)
    assert SOURCES["pascanu"].link == "https://arxiv.org/abs/1211.5063"
    assert SOURCES["pascanu"].short == "Pascanu, Mikolov & Bengio 2013"


def test_papers_have_the_names_that_the_remedies_give_them():
    text = " ".join(idea.source for idea in IDEAS.values())
    again = [source for source in SOURCES.values() if re.search(rf"{source.authors.split()[0]}[^;]* {source.year}", text)]
    assert len(again) >= 8 and [source.short for source in again if source.short not in text] == []


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_small_has_a_description_and_nothing_but_shapes(name):
    picture = PICTURES[name]
    root = ElementTree.fromstring(picture.svg)
    assert {part.tag.rpartition("}")[2] for part in root.iter()} <= {"svg", "polyline", "polygon", "circle", "rect"}
    assert (
        len(picture.address) < 6000 and unquote(picture.address).endswith("</svg>") and '"' not in picture.address + picture.about
    )
    assert any(term.picture == name for term in TERMS.values())
    numbers = re.findall(r'points="([^"]*)"', picture.svg)
    for x, y in (pair.split(",") for text in numbers for pair in text.split()):
        assert 0 <= float(x) <= WIDTH and 0 <= float(y) <= HEIGHT, "nothing is cut off"


def test_the_first_occurrence_is_marked_and_equations_code_and_links_stay():
    text = "The Jacobian, $Jacobian$, $$\nNaN\n$$ `NaN`, [NaN](x) :material/NaN: and Jacobians; truncated backpropagation"
    marked = glossary.marked(text)
    links = re.findall(r"\[([^\]]*)\]\(glossary\?glossary_word=([a-z-]+) \"([^\"]*)\"\)", marked)
    assert links == [
        ("Jacobian", "jacobian", TERMS["jacobian"].line),
        ("truncated backpropagation", "truncation", TERMS["truncation"].line),
    ]
    rest = re.sub(r"\[([^\]]*)\]\(glossary[^)]*\)", r"\1", marked)
    assert rest == text and glossary.marked("nothing here") == "nothing here"


def test_a_help_has_the_line_once_the_picture_and_the_place_in_the_glossary():
    gain = glossary.of_control("gain", FIELDS["gain"].help)
    assert gain.count(FIELDS["gain"].help) == 1 and PICTURES["gain"].address in gain and glossary.address("gain") in gain
    bias = glossary.of_control("bias", "The help.")
    assert bias.startswith("The help.") and all(TERMS[key].line in bias for key in ("chrono", "forget-gate"))
    assert glossary.of_control("seed", "The help.") == "The help." and glossary.explained("nothing here") == ""
    assert TERMS["nan"].line in glossary.explained("NaN and NaN") and glossary.explained("NaN and NaN").count("(glossary") == 1


def test_every_word_that_a_page_explains_in_place_stands_in_the_glossary():
    """Texts that are written out in a call of `explained` hold a word; `link` and `address` get a key."""
    found = 0
    for path, text in USERS.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("glossary.") and node.args:
                what, first = ast.unparse(node.func), node.args[0]
                if isinstance(first, ast.Constant):
                    found += 1
                    assert first.value in TERMS if what != "glossary.explained" else glossary.explained(first.value), (
                        path,
                        first.value,
                    )
    assert found >= 5
