"""What the browser tests take for trouble: any message on the console, but for Streamlit's search for its own server."""

from browsing import until


def test_any_message_and_any_other_404_is_a_problem(visit, server, problems):
    page = visit(server.link("/stories"))
    page.evaluate("() => { for (const kind of ['debug', 'log', 'info', 'warn', 'error']) console[kind]('said ' + kind); }")
    page.evaluate("fetch('/stories/_stcore/health').then(() => fetch('/stories/_stcore/agent/mcp'))")
    until(lambda: len(problems) > 5, "all of them", wait=lambda s: page.wait_for_timeout(1000 * s))
    heard = [problem.split(" (")[0] for problem in problems]
    assert heard[:5] == [f"console: {kind}: said {word}" for kind, word in zip(KINDS, WORDS, strict=True)]
    assert "/stories/_stcore/agent/mcp" in problems[5] and len(problems) == 6
    problems.clear()


KINDS = ("debug", "log", "info", "warning", "error")  # as the browser calls them
WORDS = ("debug", "log", "info", "warn", "error")
