"""The program's digest: it changes with everything that decides a number, and with nothing else."""

import ast
import shutil
from importlib.metadata import version

import pytest
from conftest import ROOT

from rnnkit.sweep import digest

WORDS = ("rnnkit.errors", "rnnkit.results", "rnnkit.rounding")  # messages and containers: they decide no number


@pytest.fixture
def package(tmp_path):
    """A copy of the sources."""
    for path in digest.sources():
        target = tmp_path / path.relative_to(digest.PACKAGE)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return tmp_path


def of(package, versions="torch 1"):
    return digest.digest_of(package, versions)


def imported(name, seen):
    """Adds `name` and every module of the package that it imports, also within functions, to `seen`."""
    path = ROOT.joinpath(*name.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if name in ("rnnkit", *seen) or not file.is_file():
        return
    seen[name] = file
    imported(name.rpartition(".")[0], seen)
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rnnkit."):
            for alias in node.names:
                imported(f"{node.module}.{alias.name}", seen)
            imported(node.module, seen)


def test_all_that_training_imports_is_in_it():
    modules = {}
    imported("rnnkit.engine.trainer", modules)
    imported("rnnkit.analysis.learnt", modules)
    imported("rnnkit.analysis.gradient_summary", modules)
    sources = set(digest.sources())
    assert "rnnkit.engine.cells.lstm" in modules and "rnnkit.tasks.agreement" in modules
    missing = [name for name, file in modules.items() if file not in sources and not name.startswith(WORDS)]
    assert missing == []


def test_the_store_itself_is_not_in_it():
    names = [path.relative_to(digest.PACKAGE).as_posix() for path in digest.sources()]
    assert {"sweep/row.py", "studies/training_outcome.py"} <= set(names)
    assert not [name for name in names if "store" in name or "digest" in name]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", ["engine/cells/lstm.py", "tasks/agreement.py", "experiment.py", "sweep/row.py"])
def test_a_changed_source_changes_it(package, name):
    before = of(package)
    path = package / name
    path.write_bytes(path.read_bytes().replace(b"1", b"2", 1))
    assert of(package) != before


def test_a_new_and_a_renamed_source_change_it(package):
    digests = {of(package)}
    (package / "engine" / "new.py").write_bytes(b"")
    digests.add(of(package))
    (package / "engine" / "new.py").rename(package / "engine" / "newer.py")
    digests.add(of(package))
    assert len(digests) == 3


def test_line_ends_and_other_files_do_not_count(package):
    before = of(package)
    path = package / "experiment.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    (package / "charts").mkdir()
    (package / "charts" / "loss.py").write_bytes(b"")
    (package / "sweep" / "store.py").write_bytes(b"")
    assert of(package) == before


def test_another_version_of_a_library_changes_it(package, monkeypatch):
    assert of(package, "torch 1") != of(package, "torch 2")
    assert f"torch {version('torch')}" in digest.versions() and f"numpy {version('numpy')}" in digest.versions()
    before = digest.program_digest()
    monkeypatch.setattr(digest.importlib.metadata, "version", lambda name: "0" if name == "torch" else version(name))
    assert digest.with_backend.__wrapped__("torch") != before
