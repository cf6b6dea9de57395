"""What the browser tests take for trouble: any message on the console, but for Streamlit's search for its own server. And what
one test leaves to the next in its tab: nothing."""

from browsing import STILL, until


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


KEPT = "() => [localStorage.length, sessionStorage.length, document.cookie]"


def test_a_tab_forgets_what_a_test_left_in_it(tabs, server):
    page = tabs.take(**STILL)
    page.goto(server.url + "/_stcore/health")
    page.evaluate("() => { localStorage.a = sessionStorage.a = 1; document.cookie = 'a=1'; }")
    other = tabs.take(**STILL)  # the tab is in use
    other.goto(page.url)
    one, two = page.evaluate(KEPT), other.evaluate(KEPT)
    assert one[:2] == [1, 1] and "a=1" in one[2] and two[:2] == [0, 0] and "a=1" not in two[2]
    tabs.give_back(other)
    tabs.give_back(page)
    again = tabs.take(**STILL | {"color_scheme": "dark"})
    again.goto(server.url + "/_stcore/health")
    assert again is page and other.is_closed()
    assert again.evaluate(KEPT)[:2] == [0, 0] and "a=1" not in again.evaluate(KEPT)[2]
    assert again.evaluate("() => matchMedia('(prefers-color-scheme: dark)').matches")
    again.context.close()
    tabs.give_back(again)
    last = tabs.take(**STILL)
    assert not last.is_closed()
    tabs.give_back(last)
