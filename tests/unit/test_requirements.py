"""What is to be installed is said once: requirements files and pyproject.toml agree, and what must be exact is."""

import re
import tomllib
from importlib.metadata import version

import pytest
from conftest import ROOT
from packaging.requirements import Requirement

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
FILES = sorted([*ROOT.glob("requirements*.txt"), *ROOT.glob("*/requirements*.txt")])


def parsed(lines):
    found = [Requirement(line) for line in lines]
    assert len({r.name for r in found}) == len(found), "each once"
    return {r.name: r for r in found}


def read(path):
    """The requirements of a file, with those of the files it names."""
    lines = [line.split(" #")[0].strip() for line in path.read_text("utf-8").splitlines()]
    lines = [line for line in lines if line and line[0] != "#"]
    own = parsed(line for line in lines if not line.startswith("-r "))
    for line in lines:
        if line.startswith("-r "):
            own |= read(path.parent / line[3:])
    return own


def test_the_files_are_found():
    assert [str(path.relative_to(ROOT)) for path in FILES] == [
        "benchmarks/requirements.txt",
        "requirements-dev.txt",
        "requirements.txt",
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_streamlit_and_torch_are_exact_wherever_the_dashboard_runs(path):
    assert str(read(path)["streamlit"]) == "streamlit==1.67.*", "the pages use private names of this minor release"
    assert str(read(path)["torch"]) == "torch==2.13.0"


def test_the_dashboard_needs_what_its_extra_says():
    extra, package = parsed(PROJECT["optional-dependencies"]["dashboard"]), parsed(PROJECT["dependencies"])
    assert str(extra["streamlit"]) == "streamlit==1.67.*" and str(extra["torch"]) == "torch==2.13.0"
    assert {k: str(v) for k, v in read(ROOT / "requirements.txt").items()} == {k: str(v) for k, v in (package | extra).items()}


def test_the_package_as_a_library_takes_any_newer_torch():
    package = parsed(PROJECT["dependencies"])
    assert str(package["torch"]) == "torch>=2.6" and "streamlit" not in package
    for extra in map(parsed, PROJECT["optional-dependencies"].values()):
        for name in extra.keys() & package.keys():  # pip must find a version that is both
            assert all(version(name) in r.specifier for r in (extra[name], package[name]))


def test_what_is_installed_here_is_what_the_files_ask_for():
    asked = read(ROOT / "requirements-dev.txt").values()
    wrong = {
        str(r): version(r.name) for r in asked if (not r.marker or r.marker.evaluate()) and version(r.name) not in r.specifier
    }
    assert wrong == {}


def test_the_readme_and_the_command_line_name_the_same_torch():
    named = {
        m
        for path in ("README.md", "rnnkit/cli/train.py")
        for m in re.findall(r"torch==[\d.]*\d", (ROOT / path).read_text("utf-8"))
    }
    assert named == {"torch==2.13.0"}
