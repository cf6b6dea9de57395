"""Community Cloud: a server as that host starts it, with the settings that it forces (see its "Status and limitations"), the
status page's key as a secret, and a deep link as its first request after a sleep; and what it installs.
"""

import re
import tomllib
import urllib.error
import urllib.request

import pytest
from conftest import ROOT

FORCED = {  # one more concerns what the browser sends to Streamlit's makers, browser.gatherUsageStats
    "STREAMLIT_CLIENT_SHOW_ERROR_DETAILS": "false",
    "STREAMLIT_RUNNER_FAST_RERUNS": "true",
    "STREAMLIT_SERVER_RUN_ON_SAVE": "true",
    "STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION": "true",
}
KEY = "lectern"


@pytest.fixture
def cloud(browser, tmp_path):
    from serving import Server

    (tmp_path / "secrets.toml").write_text(f'RNNKIT_STATUS = "{KEY}"\nRNNKIT_WORKERS = 1\n')
    secrets = {"STREAMLIT_SECRETS_FILES": str(tmp_path / "secrets.toml")}
    server = Server(tmp_path / "log", **FORCED, **secrets)
    yield server
    server.kill()
    assert KEY not in (tmp_path / "log").read_text()


def code(address):
    try:
        return urllib.request.urlopen(address, timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code


def test_with_the_settings_that_the_host_forces_the_lecturer_sees_the_class_and_nobody_else_does(cloud, visit, problems):
    from browsing import expect, grown

    lecturer = visit(cloud.link("/status", key=KEY))
    headline = lecturer.get_by_role("heading", level=1)
    expect(headline).to_have_text("0 viewers, nothing training, nobody waits")
    student = visit(cloud.link(length=100, steps=5000))
    grown(student, 2)
    assert len(cloud.workers()) == 1
    expect(headline).to_have_text("1 viewer, 1 run training, nobody waits")
    assert lecturer.url == cloud.link("/status", key=KEY)  # a reload shows it again

    assert [code(cloud.link(*to)) for to in (("/health",), ("/status.json",))] == [200, 404]
    assert code(cloud.link("/status.json", key=KEY)) == 200
    for address in (cloud.link("/status", key="wrong"), cloud.link("/status"), cloud.link("/nowhere")):
        student.goto(address)
        expect(student.get_by_text("Page not found")).to_be_visible()
    problems[:] = [problem for problem in problems if "does not seem to exist" not in problem]


def test_what_the_host_reads_first_is_requirements_txt_and_it_names_no_build_of_torch():
    """It takes the first of these files that it finds; a second one would be used in place of requirements.txt, or be ignored."""
    assert [name for name in ("uv.lock", "Pipfile", "environment.yml", "requirements.txt") if (ROOT / name).exists()] == [
        "requirements.txt"
    ]
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert all(re.match(r"[a-z-]+[<>=]", line) for line in lines), "names and versions only: no option, no address"
    uv = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["pip"]
    assert uv == {"torch-backend": "cpu"}
