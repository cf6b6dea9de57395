"""The package as others install it: a wheel of this clone, installed without a network beside nothing else of ours."""

import subprocess
import sys

import pytest
from conftest import ROOT

OFFLINE = ["-q", "--no-deps", "--no-index"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder that the wheel was installed into."""
    pytest.importorskip("hatchling", reason="builds a wheel: pip install hatchling")
    wheels, target = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("installed")
    _pip("wheel", *OFFLINE, "--no-build-isolation", "--wheel-dir", str(wheels), str(ROOT))
    _pip("install", *OFFLINE, "--target", str(target), *map(str, wheels.glob("rnnkit-*.whl")))
    return target


def _pip(*arguments):
    done = subprocess.run([sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr


def _files(*patterns):
    found = {path.relative_to(ROOT) for pattern in patterns for path in ROOT.glob(pattern)}
    return {path for path in found if (ROOT / path).is_file() and "__pycache__" not in path.parts}


def test_every_file_is_installed_and_one_package_alone(installed):
    package, dashboard = _files("rnnkit/**/*"), _files("dashboard.py", "pages/**/*", ".streamlit/config.toml")
    assert {path.suffix for path in dashboard} >= {".py", ".js", ".css", ".toml"} and (ROOT / "rnnkit/py.typed").is_file()
    places = [installed / path for path in package] + [installed / "rnnkit" / "_dashboard" / path for path in dashboard]
    assert [path for path in places if not path.is_file()] == []
    assert {path.name.split("-")[0] for path in installed.iterdir()} == {
        "bin" if (installed / "bin").is_dir() else "Scripts",
        "rnnkit",
    }
    assert (installed / "bin/rnnkit").is_file() or (installed / "Scripts/rnnkit.exe").is_file()


@pytest.fixture
def served(installed, browser, tmp_path):
    """What `rnnkit dashboard` serves, started in an empty folder."""
    from browsing import Server

    folder = tmp_path / "empty"
    folder.mkdir()
    server = Server(tmp_path / "log", start=("rnnkit", "dashboard"), folder=folder, PYTHONPATH=str(installed))
    yield server
    server.kill()
    assert [*folder.iterdir()] == []


def test_the_installed_dashboard_opens_and_trains(served, visit):
    """First by a deep link, which Streamlit answers with a page's own file. The settings of .streamlit/config.toml hold, too."""
    from browsing import expect, grown

    page = visit(served.link("/corpus", length=10, steps=40))
    page.get_by_text("Bring sentences", exact=True).click()
    expect(page.get_by_text("10MB per file").first).to_be_visible()  # [server] maxUploadSize
    expect(page.locator(".stApp")).to_have_css("color", "rgb(22, 32, 42)")  # [theme.light] textColor, #16202a
    page.get_by_role("link", name="Lab", exact=True).click()
    assert grown(page, 2)
