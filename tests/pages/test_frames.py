"""Frames of the drawings: what Python encodes, JavaScript decodes in Chromium, bit for bit."""

import numpy as np
import pytest
from conftest import ROOT

from pages.components import error_surface, frame_codec, heatmap, sentence_reader, small_multiples

SCRIPTS = [ROOT / "pages/components/frame_codec.js"]
WORDS = ["the", "“Käse”", "猫", "🐈"]
ARRAYS = {
    "a": np.arange(7, dtype=np.uint16).reshape(1, 7),
    "none": np.empty((0, 5), np.uint16),
    "b": np.array([-(2**31), -1, 0, 2**31 - 1], np.int32),
    "c": np.array([[0.1, -np.inf], [np.nan, 1e-40]], np.float32),
    "strided": np.arange(24, dtype=np.uint16).reshape(4, 6)[::2, 1::2],
    "big-endian": np.arange(3, dtype=">i4"),
}


@pytest.fixture
def decoded(browser):
    """decode(frame) -> its header and its arrays, as the JavaScript finds them; an array as [its type, its bytes]."""
    text, page = "".join(path.read_text("utf-8") for path in SCRIPTS), browser.new_page()
    code = f"""bytes => {{ {text}
        const offset = new Uint8Array([0, ...bytes]).subarray(1), frame = decode(offset);   // not aligned, as it may come
        for (const [name, value] of Object.entries(frame)) if (ArrayBuffer.isView(value))
            frame[name] = [value.constructor.name, Array.from(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))];
        return frame; }}"""
    yield lambda frame: page.evaluate(code, list(frame))
    page.close()


def assert_survives(decoded, frame, header, arrays):
    types = {"f4": "Float32Array", "i4": "Int32Array", "u2": "Uint16Array"}
    expected = {k: [types[a.dtype.str[1:]], list(a.astype(a.dtype.newbyteorder("<")).tobytes())] for k, a in arrays.items()}
    assert decoded(frame) == header | expected


def test_every_type_and_shape(decoded):
    header = {"words": WORDS, "n": 3, "nested": [{"x": None}, True, 0.25]}
    assert_survives(decoded, frame_codec.encode(header, **ARRAYS), header, ARRAYS)
    for n in range(9):  # however long the header is
        header = {"text": "x" * n}
        assert_survives(decoded, frame_codec.encode(header, a=ARRAYS["a"]), header, {"a": ARRAYS["a"]})


def test_arrays_begin_at_multiples_of_eight():
    for n in range(9):
        frame = frame_codec.encode({"text": "x" * n}, a=np.array([1, 2, 3], np.uint16), b=np.array([4.0], np.float32))
        start = -(-(4 + int.from_bytes(frame[:4], "little")) // 8) * 8
        assert len(frame) == start + 8 + 8 and start % 8 == 0
        assert np.frombuffer(frame, "<u2", 3, start).tolist() == [1, 2, 3] and np.frombuffer(frame, "<f4", 1, start + 8) == [4]


def test_what_a_frame_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="types <f4, <i4, <u2, got a of float64"):
        frame_codec.encode({}, a=np.zeros(3))
    with pytest.raises(ValueError, match="not JSON compliant"):
        frame_codec.encode({"share": float("nan")})


def test_the_heatmap(monkeypatch, decoded):
    sent = []
    monkeypatch.setattr(heatmap, "_component", lambda data, **_: sent.append(data))
    codes, steps = np.arange(12, dtype=np.uint16).reshape(3, 4), np.array([0, 5, 10])
    lags = (np.array([0.25, -0.25, 1, np.nan]), "99 % looks back 2")
    heatmap.heatmap(codes, steps=steps, total_steps=20, cursor=9, labels=WORDS, important={1: "subject"}, lags=lags, key="heat")
    found = decoded(sent[0])
    assert (found["n"], found["length"], found["cursor"], found["labels"]) == (3, 4, 2, WORDS)
    assert found["important"] == [[1, "subject"]] and found["share"] is False
    assert found["codes"] == ["Uint16Array", list(codes.tobytes())]
    assert found["lags"] == ["Float32Array", list(np.float32([0.25, -0.25, 1, 0]).tobytes())]
    assert found["lagWords"] == "99 % looks back 2" and found["summary"].endswith("looks back 2.")
    heatmap.heatmap(codes, steps=steps, total_steps=20, cursor=9, lags=(np.full(4, np.nan), ""), key="heat")
    assert decoded(sent[1])["lags"] == ["Float32Array", []], "no bars"
    with pytest.raises(ValueError, match="one share per time step, 4, got"):
        heatmap.heatmap(codes, steps=steps, total_steps=20, cursor=9, lags=(np.zeros(3), ""), key="heat")
    assert found["steps"] == ["Int32Array", list(steps.astype(np.int32).tobytes())]


def test_the_small_multiples(decoded):
    codes = [np.full((n, 5), n, np.uint16) for n in (3, 0, 2)]
    found = decoded(small_multiples.pack([{"key": k, "n": len(c)} for k, c in zip("abc", codes, strict=True)], codes, {}))
    assert [row["length"] for row in found["rows"]] == [5, 5, 5]
    assert [found[f"codes{i}"][1] for i in range(3)] == [list(c.tobytes()) for c in codes]


def test_the_cliff(decoded):
    surface = np.arange(24.0).reshape(4, 2, 3)
    found = decoded(error_surface.pack(surface, {"n": 3, "m": 2, "ranges": ((0, 1), (2, 3))}))
    assert (found["m"], found["n"], found["ranges"]) == (2, 3, [[0, 1], [2, 3]])
    for k, name in enumerate(("w", "b", "error", "norm")):
        assert found[name] == ["Float32Array", list(surface[k].astype(np.float32).tobytes())]


def test_the_reader(decoded):
    row = sentence_reader.Row(
        "", "", WORDS[:3], [-1, 0, -1], 0, np.arange(3.0), np.ones((2, 3)), ["h", "c"], np.eye(2, 3), [4, 9], [9]
    )
    found = decoded(sentence_reader.pack([row, row._replace(answers=-row.answers)], {"part": "h"}))
    assert (found["length"], found["rows"][0]["units"], found["rows"][1]["off"], found["part"]) == (3, [4, 9], [9], "h")
    assert found["answers1"] == ["Float32Array", list((-row.answers).astype(np.float32).tobytes())]
    assert found["values0"] == ["Float32Array", list(row.values.astype(np.float32).tobytes())]
    assert found["codes0"][0] == "Uint16Array" and len(found["codes1"][1]) == 2 * 2 * 3
    with pytest.raises(ValueError, match="expected 3 words in every row"):
        sentence_reader.pack([row, row._replace(words=["a"])], {})
