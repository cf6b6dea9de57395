"""Viewers of the dashboard without a browser: they speak Streamlit's own protocol over a websocket, as its page does.

A viewer opens a link, remembers what every widget holds, polls each fragment at the interval that the server asks for, and
counts what comes back. What it does not do is draw; so hundreds fit into one process. tests/unit/test_load.py compares its
messages with those of a real browser.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import numpy as np
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

FRAME = "heatmap"  # a frame has come where this component has
DONE = {ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY}
PATIENCE = 90.0  # seconds that a joining viewer waits for the server to take the connection


@dataclass
class Viewer:
    """What one viewer has seen. Times are time.monotonic()."""

    url: str  # of the server, http://...
    query: dict[str, str] = field(default_factory=dict)
    page: str = "lab"  # address under the server's
    cookie: str = ""
    joined: float = 0.0
    drawn: float = 0.0  # when the first whole run of the page had ended
    frames: list[float] = field(default_factory=list)  # when each frame came
    latencies: list[tuple[float, float]] = field(default_factory=list)  # (when, seconds from a poll to the end of its answer)
    polls: int = 0
    runs: int = 0  # whole runs of the page
    intervals: list[float] = field(default_factory=list)  # that the server asked for
    received: int = 0  # bytes
    said: dict[tuple[int, ...], str] = field(default_factory=dict)  # words that stand on the page, by their place
    trouble: list[str] = field(default_factory=list)
    widgets: dict[str, WidgetState] = field(default_factory=dict)
    buttons: dict[str, tuple[str, str]] = field(default_factory=dict)  # key -> id, and the fragment that drew it, of those seen
    left: bool = False
    _fragments: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _every: dict[str, float] = field(default_factory=dict)
    _asked: dict[str, float] = field(default_factory=dict)
    _menus: dict[str, tuple[int, ...]] = field(default_factory=dict)  # id of a popover -> its place
    _closed: set[tuple[int, ...]] = field(default_factory=set)  # places of popovers: what is in them is not there yet
    _page_hash: str = ""
    _socket: Any = None

    async def watch(self) -> None:
        """Joins, and stays until `leave` or until the connection breaks, which is trouble."""
        self.joined = time.monotonic()
        address = self.url.replace("http", "ws", 1) + "/_stcore/stream"
        try:
            options = {"max_size": None, "open_timeout": PATIENCE, "ping_interval": None}
            options |= {"additional_headers": {"Cookie": self.cookie}} if self.cookie else {}
            connection = websockets.connect(address, subprotocols=["streamlit", "none"], **options)
            async with connection as self._socket:
                if self.left:  # meanwhile
                    return
                await self._socket.send(self.message().SerializeToString())
                async for data in self._socket:
                    self.received += len(data)
                    self._hear(ForwardMsg.FromString(data))
        except (OSError, TimeoutError, websockets.WebSocketException) as error:
            if not self.left:
                self.trouble.append(f"{type(error).__name__}: {error}")
        else:
            if not self.left:
                self.trouble.append(f"the server closed the connection with {self._socket.close_code}")
        finally:
            self._stop_polling()

    async def leave(self) -> None:
        """Closes the tab."""
        self.left = True
        self._stop_polling()
        if self._socket:
            await self._socket.close()

    def message(self, fragment: str = "", poll: bool = True) -> BackMsg:
        """What the page sends to have itself, or one of its fragments, drawn; poll: not because of a click."""
        message = BackMsg()
        state = message.rerun_script
        state.query_string = urlencode(self.query)
        state.page_script_hash = self._page_hash
        state.page_name = "" if self._page_hash else self.page
        state.widget_states.widgets.extend(self.widgets.values())
        if fragment:
            state.fragment_id, state.is_auto_rerun = fragment, poll
        context = state.context_info
        context.timezone, context.locale, context.color_scheme = "UTC", "en-US", "light"
        context.url = f"{self.url}/{self.page}"
        return message

    async def change(self, key: str, **value: Any) -> None:
        """Sets the widget of this key, e.g. int_value=50 (bool_value=True opens a popover), and has the page drawn."""
        name = next(name for name in (*self.widgets, *self._menus) if name.split("-", 2)[-1].split("~")[0] == key)
        self._closed.discard(self._menus.get(name, ()))
        self.widgets[name] = WidgetState(id=name, **value)
        await self._socket.send(self.message().SerializeToString())

    async def press(self, key: str) -> None:
        """Presses the button of this key, which has been drawn."""
        name, fragment = self.buttons[key]
        message = self.message(fragment, poll=False)
        message.rerun_script.widget_states.widgets.append(WidgetState(id=name, trigger_value=True))
        await self._socket.send(message.SerializeToString())

    # ---- what comes from the server ----

    def _hear(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session" and not message.metadata.run.fragment_ids:
            self.runs += 1
            self._stop_polling()
        elif kind == "navigation":
            self._page_hash = message.navigation.page_script_hash
        elif kind == "auto_rerun":
            self._poll_every(message.auto_rerun.interval, message.auto_rerun.fragment_id)
            self.intervals.append(message.auto_rerun.interval)
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self._poll_every(None, fragment)
        elif kind == "script_finished":
            self._finished(message)
        elif kind == "delta":
            self._delta(message)
        elif kind == "session_event" and message.session_event.WhichOneof("type") == "script_compilation_exception":
            self.trouble.append(f"exception: {message.session_event.script_compilation_exception.message}")

    def _delta(self, message: ForwardMsg) -> None:
        path, kind = tuple(message.metadata.delta_path), message.delta.WhichOneof("type")
        if kind == "add_block" and message.delta.add_block.WhichOneof("type") == "popover":
            menu = message.delta.add_block.popover
            self._menus[menu.id] = path
            if menu.id not in self.widgets:
                self._closed.add(path)
        elif kind == "new_element":
            element = message.delta.new_element
            if element.WhichOneof("type") == "button":
                self.buttons[element.button.id.split("-", 2)[-1]] = (element.button.id, message.delta.fragment_id)
            self._element(element, path)

    def _element(self, element: Any, path: tuple[int, ...]) -> None:
        kind = element.WhichOneof("type")
        if kind == "exception":
            self.trouble.append(f"exception: {element.exception.type} {element.exception.message}")
        elif kind == "bidi_component" and FRAME in element.bidi_component.component_name:
            self.frames.append(time.monotonic())
        elif kind in VALUES and not any(path[:n] in self._closed for n in range(len(path))):
            widget = getattr(element, kind)
            self.widgets.setdefault(widget.id, WidgetState(id=widget.id, **VALUES[kind](widget)))
        elif kind in WORDS:
            self.said[path] = getattr(getattr(element, kind), WORDS[kind])

    def _finished(self, message: ForwardMsg) -> None:
        now, fragments = time.monotonic(), list(message.metadata.run.fragment_ids)
        if message.script_finished not in DONE:
            return
        self.drawn = self.drawn or now
        for fragment in fragments or list(self._asked):
            if fragment in self._asked:
                self.latencies.append((now, now - self._asked.pop(fragment)))

    # ---- polling ----

    def _poll_every(self, seconds: float | None, fragment: str) -> None:
        """As the page does: it begins to count anew for another interval, not for the one that it has."""
        if fragment in self._fragments and self._every.get(fragment) == seconds:
            return
        if fragment in self._fragments:
            self._fragments.pop(fragment).cancel()
        if seconds is not None and not self.left:
            self._every[fragment] = seconds
            self._fragments[fragment] = asyncio.create_task(self._poll(seconds, fragment))

    async def _poll(self, seconds: float, fragment: str) -> None:
        """As the page's setInterval: whether or not the last answer has come."""
        due = time.monotonic()
        while True:
            due = max(due + seconds, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
            self._asked.setdefault(fragment, time.monotonic())
            self.polls += 1
            try:
                await self._socket.send(self.message(fragment).SerializeToString())
            except websockets.WebSocketException:
                return

    def _stop_polling(self) -> None:
        for task in self._fragments.values():
            task.cancel()
        self._fragments.clear()
        self._asked.clear()


def _selectbox(widget: Any) -> dict[str, Any]:
    chosen = widget.raw_value if widget.set_value else widget.options[widget.default] if widget.HasField("default") else None
    return {} if chosen is None else {"string_value": chosen}


def _number(widget: Any) -> dict[str, Any]:
    value = widget.value if widget.set_value else widget.default
    return {"int_value": int(value)} if widget.data_type == widget.INT else {"double_value": value}


def _multiselect(widget: Any) -> dict[str, Any]:
    chosen = widget.raw_values if widget.set_value else [widget.options[i] for i in widget.default]
    return {"string_array_value": {"data": list(chosen)}}


WORDS = {"alert": "body", "markdown": "body", "progress": "text", "slider": "label"}  # kind of element -> where its words are
VALUES = {"selectbox": _selectbox, "number_input": _number, "multiselect": _multiselect}


# ---- a crowd ----


@dataclass
class Crowd:
    """Viewers who come within some seconds, and what they saw."""

    viewers: list[Viewer]
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def join(self, seconds: float) -> None:
        start = time.monotonic()
        for n, viewer in enumerate(self.viewers):
            await asyncio.sleep(max(0.0, start + seconds * n / len(self.viewers) - time.monotonic()))
            self.tasks.append(asyncio.create_task(viewer.watch()))

    async def leave(self) -> None:
        await asyncio.gather(*(viewer.leave() for viewer in self.viewers))
        await asyncio.gather(*self.tasks)

    def trouble(self) -> list[str]:
        return [text for viewer in self.viewers for text in viewer.trouble]

    def first(self) -> list[float]:
        """Seconds from joining to the first frame; infinite where none came."""
        return [v.frames[0] - v.joined if v.frames else np.inf for v in self.viewers]

    def drawn(self) -> list[float]:
        return [v.drawn - v.joined if v.drawn else np.inf for v in self.viewers]

    def gaps(self, start: float, end: float) -> list[float]:
        """Seconds between one frame and the next, the longest of every viewer."""
        return [longest([t for t in v.frames if start <= t <= end], start, end) for v in self.viewers]

    def latencies(self, start: float, end: float) -> list[float]:
        """Of every poll answered in that time, and of those still waiting."""
        return [s for v in self.viewers for at, s in v.latencies if start <= at <= end] + [
            end - asked for v in self.viewers for asked in v._asked.values() if start <= asked < end - 1
        ]


def longest(times: Sequence[float], start: float, end: float) -> float:
    return float(np.diff([start, *times, end]).max())
