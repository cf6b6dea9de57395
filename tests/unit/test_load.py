"""A small lecture hall on a real server, over its own protocol: one training for all, a fair queue, and polls that make room.

The large one, with figures, is benchmarks/load.py; here it is only whether everything arrives.
"""

import argparse
import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import load
from serving import until
from streamlit.proto.BackMsg_pb2 import BackMsg

from pages.server import polling

SLOW = replace(load.SHORT, length=60, steps=300)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return tmp_path_factory.mktemp("load") / "server.log"


def started(log, e):
    """Ids of the runs of this length that were begun."""
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines() if line.startswith("{")]
    return [line["run"] for line in lines if line["event"] == "run started" and line["of"] == len(e.recorded_steps)]


def test_many_viewers_of_one_run_share_one_training_and_look_less_often(log):
    async def hall():
        async with load.hall(log) as server:
            people = load.crowd(server, 25, [load.LONG])
            await people.join(2)
            assert await load.until(lambda: all(len(v.frames) > 2 or v.trouble for v in people.viewers), 90)
            first, last = people.viewers[0], people.viewers[-1]
            assert await load.until(lambda: len(first.intervals) > 1, 60), "the first one is told to look less often"
            assert len(server.workers()) <= 2
            await people.leave()
            return people, first, last

    people, first, last = asyncio.run(hall())
    assert people.trouble() == []
    assert len(started(log, load.LONG)) == 1, "one training for all"
    alone = polling.LADDER[0] * polling.LATE  # at most, with no other viewer
    assert min(first.intervals[-1], last.intervals[-1]) > alone, "on a slow machine from the first interval on"
    assert first.runs <= 3, "and for that its page is not drawn anew"


def test_everybody_is_served_in_turn_and_who_leaves_waits_no_more(log):
    async def hall():
        async with load.hall(log, workers="1", idle_seconds="3") as server:
            seeds = [replace(SLOW, seed=50 + n) for n in range(5)]
            people = load.crowd(server, 5, seeds)
            await people.join(1)
            said = set()

            def third_in_line():
                said.update(word for v in people.viewers for text in v.said.values() for word in text.split(" · "))
                return any(" in line, about" in text for text in people.viewers[-1].said.values()) and any(
                    "3rd in line, about" in text for text in said
                )

            assert await load.until(third_in_line, 60), said
            gone = people.viewers.pop()  # so many are before him that the server hears of it in time
            await gone.leave()
            over = await load.until(lambda: all(load.finished(" ".join(v.said.values()), 300) for v in people.viewers), 240)
            assert over and len(server.workers()) == 1
            again = load.crowd(server, 1, [seeds[0]])
            await again.join(0)
            await load.until(lambda: again.viewers[0].frames, 30)
            await again.leave()
            await people.leave()
            return people, again

    people, again = asyncio.run(hall())
    assert people.trouble() == again.trouble() == []
    assert again.viewers[0].frames, "a finished run opens for the next viewer"
    assert len(set(started(log, SLOW))) == 4, "who left was not trained"


def test_a_room_answers_and_every_vote_counts(log):
    row = asyncio.run(load.room(argparse.Namespace(viewers=4, join=1.0, seconds=3.0, limit=120.0, log=log)))
    assert row["dropped or failed"] == 0 and row["polls a second"] > 0
    assert row["question on every phone after s"] < 60 and row["all votes on the screen after s"] < 60


def test_a_viewer_says_what_a_browser_says(server, browser):
    """Else the load would be another one than that of a class."""
    e = replace(load.SHORT, length=20, hidden=8, seed=3, steps=4000)
    sent = {"browser": [], "viewer": []}
    context = browser.new_context()
    page = context.new_page()
    page.on("websocket", lambda socket: socket.on("framesent", lambda data: sent["browser"].append(BackMsg.FromString(data))))
    page.goto(server.link(**e.to_query()))
    page.wait_for_selector(".heatmap[data-rows]")
    until(lambda: len(sent["browser"]) > 2, "polls of the browser", wait=lambda s: page.wait_for_timeout(1000 * s))
    context.close()

    async def alone():
        viewer = load.Viewer(server.url, e.to_query())
        task = asyncio.create_task(viewer.watch())
        assert await load.until(lambda: viewer.polls > 2 and viewer.frames, 30)
        fragment = next(iter(viewer._fragments))
        sent["viewer"] += [load.Viewer(server.url, e.to_query()).message(), viewer.message(fragment)]
        await viewer.leave()
        await task
        return viewer

    with ThreadPoolExecutor() as thread:  # this one has the loop of the browser
        viewer = thread.submit(asyncio.run, alone()).result()
    assert viewer.trouble == []
    (first, *_, poll), (own_first, own_poll) = sent["browser"], sent["viewer"]
    assert said(own_first) == said(first)
    assert said(own_poll) == said(poll)


def said(message):
    """What the server goes by; times and names that differ from tab to tab are left out."""
    state = message.rerun_script
    widgets = {w.id: (w.WhichOneof("value"), str(w)) for w in state.widget_states.widgets}
    fields = (state.query_string, state.page_script_hash, state.page_name, state.fragment_id, state.is_auto_rerun)
    return fields, widgets, state.context_info.url
