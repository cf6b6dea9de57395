"""The documents: the page of the public API is that of the docstrings, and what a document or a workflow names is there."""

import re
import runpy
import tomllib

import pytest
from conftest import ROOT

DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
PATH = re.compile(r"(?<![\w/.-])(?:rnnkit|pages|tests|benchmarks|docs|\.github|\.ci|\.streamlit)/[\w/.-]*\w")


def _prose(path):
    return re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.DOTALL)


def test_the_page_of_the_public_api_is_current():
    made = runpy.run_path(str(ROOT / "docs" / "make_api.py"))
    assert (ROOT / "docs" / "api.md").read_text("utf-8") == made["text"](), "make api writes it anew"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_that_a_document_names_is_there(path):
    named = set(PATH.findall(_prose(path)))
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_every_link_between_documents_leads_somewhere():
    links = [(path, to) for path in DOCUMENTS for to in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", _prose(path))]
    assert links
    assert [(str(path), to) for path, to in links if not (path.parent / to).exists()] == []


@pytest.mark.parametrize("path", [*DOCUMENTS, *ROOT.glob(".github/workflows/*.yml")], ids=lambda path: path.name)
def test_every_target_of_make_that_is_named_is_there(path):
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    text = path.read_text("utf-8")
    named = re.findall(r"(?:`|run: )make (\w+)", text) + re.findall(r"\w+", "".join(re.findall(r"target: \[(.*)\]", text)))
    assert named or path.suffix == ".md"
    assert set(named) <= set(targets)


def test_the_version_is_the_same_everywhere():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\n## {version}" in (ROOT / "CHANGELOG.md").read_text("utf-8")
