"""What no honest link or file holds, and tests that try many such things."""

import os
import random
import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnkit.experiment import FIELDS, Experiment
from rnnkit.fields import NumberField
from rnnkit.stories.presets import PRESETS

TIMES = int(os.environ.get("RNNKIT_FUZZ", "1"))  # as many cases, with random seeds; 1: those of every run
asked: dict[str, tuple[int, int]] = {}  # test -> cases made, cases wanted

LONGEST = 600  # characters of any message

NASTY = [
    "", " ", "0", "-1", "-0", "1e308", "1e309", "nan", "inf", "-inf", "9" * 400, "9" * 5000, "1_0", "0x10", "١٢٣", "１２", "²",
    "null", "true", "[]", "{}", "[" * 3000, "{" * 300, '{"a":' * 2000, '"', "'", '"""', "'''", "\\", "\\u0000", "\\ud800", "\0",
    "\ufeff", "\u202e", "\u2028", "\x1b[31m", "\r\n", "\n", "\t", ",", ";", "=", "é", "\U0001f600", "x" * 3000, " " * 3000,
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "![x](http://e.example/x.png)", "[x](javascript:alert(1))",
    "$\\def\\x{\\x\\x}\\x$", ":red[x]", "`", "</style>", "</script>", "{{7*7}}", "${7*7}", "%s%n", "=cmd|' /C calc'!A0", "＝1",
    "../../../etc/passwd", "%2e%2e%2f", "__import__('os').system('id')", "datum['x']", "esn", "lstm", "corpus", "v",
    "l1:1,l1:2", "freeze:W_in+W_rec", "truncate:1e9", "clip-norm:1@7", "omega:1", "fixes", "0123456789abcdef", "2026-01-01",
]  # fmt: skip
IMAGE = "![x](http://elsewhere.example/x.png) [y](http://elsewhere.example) <b>z</b> :red[r] $x$ www.elsewhere.example"


WORDS = st.sampled_from(NASTY) | st.text(max_size=20)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=8,
)

PIECES = [b"\xff", b"\xc3", b"PK\x03\x04", b"\xed\xa0\x80", *(word.encode("utf-8", "surrogatepass") for word in NASTY)]


def mutated(sound, seed):
    """A sound file with one to three faults."""
    rng, data = random.Random(seed), bytearray(sound)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice((1, 2, 8, 60, 400)))
        line = slice(data.rfind(b"\n", 0, at) + 1, len(data) if (n := data.find(b"\n", at)) < 0 else n)
        numbers = [m.span() for m in re.finditer(rb"\d+", data[line])]
        faults = {
            "flip": lambda at=at: data.__setitem__(slice(at, at + 1), bytes([rng.randrange(256)])),
            "cut": lambda at=at: data.__delitem__(slice(at, None)),
            "lose": lambda at=at, end=end: data.__delitem__(slice(at, end)),
            "twice": lambda at=at, end=end: data.__setitem__(slice(at, at), data[at:end]),
            "insert": lambda at=at: data.__setitem__(slice(at, at), rng.choice(PIECES)),
            "replace": lambda at=at, end=end: data.__setitem__(slice(at, end), rng.choice(PIECES)),
            "line": lambda line=line: data.__setitem__(line, rng.choice(PIECES)),
            "lines": lambda line=line: data.__setitem__(slice(line.start, line.start), (bytes(data[line]) + b"\n") * 3),
            "number": lambda line=line, numbers=numbers: numbers and data.__setitem__(
                slice(line.start + (span := rng.choice(numbers))[0], line.start + span[1]), rng.choice(PIECES)
            ),
            "ends": lambda: data.__setitem__(slice(None), bytes(data).replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n")))),
            "mark": lambda: data.__setitem__(slice(0, 0), b"\xef\xbb\xbf"),
            "recode": lambda: data.__setitem__(slice(None), bytes(data).decode("latin-1").encode("utf-16")),
        }  # fmt: skip
        rng.choice(list(faults.values()))()
    return bytes(data)


SEEDS = st.integers(0, 2**32)

E = [Experiment(), *(preset.experiment for preset in PRESETS.values())]


def assert_said(messages, longest=LONGEST):
    """In words, and short however long the input."""
    for message in messages:
        assert isinstance(message, str) and message.strip() and len(message) <= longest, message[:1000]
        message.encode()  # half a surrogate pair could not be sent to a browser


def assert_within(e):
    """An Experiment that is what it says, and whose fields keep their ranges."""
    assert Experiment.from_json(e.to_json()) == e and Experiment.from_query(e.to_query()) == (e, [])
    for name, spec in FIELDS.items():
        if isinstance(spec, NumberField):
            assert spec.low <= getattr(e, name) <= spec.high


def fuzz(n, **strategies):
    """A test that gets n cases."""

    def decorate(test):
        name = test.__name__
        asked[name] = 0, n

        def counted(**values):
            asked[name] = asked[name][0] + 1, n
            test(**values)

        counted.__name__ = name
        options = {"max_examples": n * TIMES, "derandomize": TIMES == 1, "suppress_health_check": list(HealthCheck)}
        return settings(**options)(given(**strategies)(counted))

    return decorate
