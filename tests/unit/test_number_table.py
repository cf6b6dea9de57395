"""Tables of numbers: what is recognised, what is left out with a note, and what each damaged file is told."""

import json
import time

import numpy as np
import pytest

from rnnkit.corpus import CorpusError, Series, read_series
from rnnkit.corpus.number_table import MAX_CELLS, MAX_ROWS, column_names
from rnnkit.tasks.data import DataStore

N = 60
VALUES = np.round(np.random.default_rng(1).normal(size=(N, 2)) * [1, 100], 2)


def written(values=VALUES, names="a,b", separator=",", decimal=".", times=None, end="\n"):
    rows = [separator.join(f"{v:g}".replace(".", decimal) for v in row) for row in values]
    if times:
        rows = [f"{times(i)}{separator}{row}" for i, row in enumerate(rows)]
        names = names and f"time,{names}"
    return end.join([names.replace(",", separator), *rows] if names else rows).encode()


def date(i):
    return f"2020-{1 + i // 28:02}-{1 + i % 28:02}"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("times", [None, date, lambda i: i, lambda i: 1749 + i / 12, lambda i: f"{date(i)} 00:00:00"])
@pytest.mark.parametrize("names", ["a,b", ""])
@pytest.mark.parametrize(("separator", "decimal"), [(",", "."), (";", "."), (";", ","), ("\t", "."), ("\t", ","), ("|", ".")])
def test_separators_decimal_marks_headers_and_times(separator, decimal, names, times, end):
    series = read_series(written(VALUES, names, separator, decimal, times, end), "mine.csv")
    np.testing.assert_array_equal(series.values, VALUES)
    first = 2 if times else 1
    assert series.columns == (("a", "b") if names else (f"column {first}", f"column {first + 1}"))
    assert series.inputs == series.outputs == series.columns and series.ahead == 1 and series.name == "mine.csv"
    assert ("decimal comma" in series.notes[0]) == (decimal == ",")
    assert (("no names" in series.notes[0]), len(series)) == (not names, N)
    assert any("Left out" in note for note in series.notes) == bool(times)


@pytest.mark.parametrize(("separator", "decimal"), [(" ", "."), ("   ", ","), ("\t \t", ".")])
def test_columns_between_blanks(separator, decimal):
    np.testing.assert_array_equal(read_series(written(separator=separator, decimal=decimal)).values, VALUES)


def test_one_column():
    for names, decimal in (("value", "."), ("", "."), ("value", ",")):
        series = read_series(written(VALUES[:, :1], names, decimal=decimal))
        np.testing.assert_array_equal(series.values, VALUES[:, :1])
        assert series.columns == (names or "column 1",)
    rising = np.arange(N) ** 2.0
    assert np.array_equal(read_series(written(rising[:, None], "v")).values[:, 0], rising), "it may rise, as it is alone"


def test_what_other_programs_write_around_a_table():
    plain = written(separator=";").decode()
    lines = plain.split("\n")
    for text in (
        "\ufeff" + plain,
        "sep=;\n" + plain,
        "# measured in May\n\n" + plain + "\n\n# the end\n",
        plain + "\n;\n;;\n",
        "\n".join([lines[0] + ";", *(line + ";" for line in lines[1:])]),
        '"a";"b"\n' + "\n".join(f'"{line.split(";")[0]}";"{line.split(";")[1]}"' for line in lines[1:]),
        plain.replace("-", "\u2212"),
    ):
        series = read_series(text.encode())
        np.testing.assert_array_equal(series.values, VALUES)
    np.testing.assert_array_equal(read_series(plain.encode("utf-16")).values, VALUES)
    indexed = ",a,b\n" + "\n".join(f"{i},{x},{y}" for i, (x, y) in enumerate(VALUES))
    assert read_series(indexed.encode()).columns == ("a", "b"), "pandas' index has no name"
    assert "Left out, as they only rise, as times do: column 1." in read_series(indexed.encode()).notes


def test_quoted_decimal_commas_in_a_table_between_commas():
    text = "a,b\n" + "\n".join(f'"{x:g}";"{y:g}"'.replace(".", ",").replace(";", ",") for x, y in VALUES)
    np.testing.assert_array_equal(read_series(text.encode()).values, VALUES)


def test_exponents_signs_and_blanks():
    cells = ["1e3", "+2.5", " -3 ", ".5", "4.", "1E-2"] * 10
    values = read_series(("v\n" + "\n".join(cells)).encode()).values[:, 0]
    assert values[:6].tolist() == [1000, 2.5, -3, 0.5, 4, 0.01]


@pytest.mark.parametrize("missing", ["", "NA", "nan", "N/A", "#N/A", "null", "None", "-", "?", "."])
def test_a_missing_value_is_the_last_one_before_it(missing):
    cells = [[f"{x:g}" for x in row] for row in VALUES]
    for row, column in ((0, 1), (1, 1), (10, 0), (11, 0), (59, 1)):
        cells[row][column] = missing
    series = read_series(("a,b\n" + "\n".join(map(",".join, cells))).encode())
    expected = VALUES[2:].copy()
    expected[8:10, 0], expected[57, 1] = VALUES[9, 0], VALUES[58, 1]
    np.testing.assert_array_equal(series.values, expected)
    assert "2 rows left out in front, where a value is missing." in series.notes
    assert "3 missing values, each read as the last one before it." in series.notes


def test_which_columns_are_read_and_predicted():
    values = np.column_stack([VALUES, VALUES.sum(1), np.full(N, 7.0)])
    data = written(np.round(values, 2), "a,b,c,same")
    series = read_series(data)
    assert series.inputs == series.outputs == series.columns == ("a", "b", "c")
    assert "Left out, as they are constant in the first 80 % of the rows: same." in series.notes
    assert series.notes[-1] == "Reads a, b, c; predicts a, b, c, 1 row ahead."
    series = read_series(data, outputs=["c"])
    assert (series.inputs, series.outputs) == (("a", "b", "c"), ("c",))
    series = read_series(data, outputs=["c"], ahead=0)
    assert (series.inputs, series.outputs, series.notes[-1]) == (("a", "b"), ("c",), "Reads a, b; predicts c, in the same row.")
    series = read_series(data, inputs=["b", "a"], ahead=5)
    assert series.inputs == series.outputs == ("b", "a") and series.columns == ("a", "b")
    assert series.notes[-1] == "Reads b, a; predicts b, a, 5 rows ahead."
    np.testing.assert_array_equal(series.of("b", "a"), VALUES[:, ::-1])
    timed = written(VALUES, "a,b", times=lambda i: i)
    assert read_series(timed, inputs=["time", "a"]).inputs == ("time", "a"), "it is read where it is named"
    assert column_names(" a,  b c ,,") == ("a", "b c")


def line(number, text, data=None):
    lines = (data or written()).decode().split("\n")
    lines[number - 1] = text
    return "\n".join(lines).encode()


HALF = b"a;b\n" + b"\n".join(b"%d;%%s" % (i % 7) for i in range(N))
DAMAGED = [
    (b"", {}, "the file is empty"),
    (b"\x89PNG\r\n", {}, "looks like a PNG picture"),
    (b"PK\x03\x04", {}, r"a ZIP archive \(as .xlsx"),
    (b"# nothing\n\n#\n", {}, "expected rows of numbers, got none"),
    (b"just words\nand more words\n", {}, "expected a column of numbers, found none in"),
    (b"1,2\n3,4\n", {}, "expected at least 50 rows with numbers, of which the last fifth is held out, got 2"),
    (written(VALUES[:49]), {}, "expected at least 50 rows with numbers, of which the last fifth is held out, got 49"),
    (written(VALUES[:50]), {}, "expected at least 51 rows of numbers, of which the last fifth is held out, got 50"),
    (line(17, "3.5,cold"), {}, "line 17, column 'b': expected a number, got 'cold'"),
    (line(17, "3.5,1_000"), {}, "line 17, column 'b': expected a number, got '1_000'"),
    (line(17, "3.5,inf"), {}, "line 17, column 'b': expected a number, got 'inf'"),
    (line(17, "3.5,12%"), {}, "line 17, column 'b': expected a number, got '12%'"),
    (line(17, "3.5,1,2"), {}, "line 17: expected 2 cells as in line 1, got 3 in '3.5 | 1 | 2'"),
    (line(17, '"3.5,1'), {}, 'line 17: expected every quoted cell to be closed in its line, got \'"3.5,1\''),
    (line(1, "a,a"), {}, "line 1: expected every column once, found more than once: a"),
    (line(17, "1.5;2", written(separator=";", decimal=",")), {}, "line 17, column 'a': expected a number with a decimal comma"),
    (written(), {"inputs": ["c"]}, "no column is called 'c': valid are a, b"),
    (written(), {"outputs": ["A"]}, "no column is called 'A': valid are a, b"),
    (written(), {"inputs": ["a", "a"]}, "expected 1 to 64 different columns to read, got a, a"),
    (written(), {"ahead": 0}, "expected other columns to read than to predict in the same row, got a, b as both"),
    (written(), {"ahead": 1001}, "expected a whole number of rows ahead from 0 to 1000, got 1001"),
    (written(), {"ahead": 11}, "expected at least 61 rows of numbers, of which the last fifth is held out, got 60"),
    (written(times=date), {"inputs": ["time"]}, "line 2, column 'time': expected a number, got '2020-01-01'"),
    (written(np.full((N, 1), 7.0), "a"), {}, "column 'a': expected numbers that vary, got 7 in the first 80 % of the rows"),
    (written(VALUES * [1, 0], "a,b"), {"inputs": ["b"]}, "column 'b': expected numbers that vary, got 0 in the first 80 %"),
    (line(61, "1e300,1"), {}, "column 'a': expected numbers at most 1,000,000 standard deviations .*, got 1e\\+300"),
    (written(VALUES * [1e307, 1]), {}, "column 'a': expected numbers at most 1,000,000 standard deviations"),
    (written(VALUES * [1e-200, 1]), {}, "column 'a': expected numbers at most 1,000,000 standard deviations"),
    ((b"a\n" + b"\n".join(b"1,234" if i % 2 else b"12" for i in range(N))), {}, "line 3: '1,234' can be 1234 or 1.234"),
    (HALF % tuple([b""] * N), {"inputs": ["b"]}, "expected at least 50 rows with numbers, .* got 0"),
    (HALF % tuple(b"1" if i % 3 else b"" for i in range(N)), {}, "line 5, column 'b': expected a number; 32% of this column"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "options", "message"), DAMAGED, ids=range(len(DAMAGED)))
def test_what_a_damaged_file_is_told(data, options, message):
    with pytest.raises(CorpusError, match=message):
        read_series(data, "mine.csv", **options)


def test_large_files():
    for data, message in (
        (b"1\n2\n" * (MAX_ROWS // 2 + 1), f"lines; expected at most {MAX_ROWS:,}"),
        ((b"1," * 199 + b"2\n") * (MAX_CELLS // 200 + 1), f"expected at most {MAX_CELLS:,} numbers"),
        (b"1," * 20_000 + b"1", "characters; expected at most 20,000, one row a line"),
        (b"1,2\n" * 100, None),
    ):
        start = time.perf_counter()
        with pytest.raises(CorpusError, match=message):
            read_series(data, max_bytes=10**8)
        assert time.perf_counter() - start < 60, "it ends"
    with pytest.raises(CorpusError, match="expected at most 100"):
        read_series(written(), max_bytes=100)
    wide = np.random.default_rng(0).integers(0, 9, (N, 65))
    with pytest.raises(CorpusError, match="expected 1 to 64 different columns to read"):
        read_series(written(wide, ""))


def test_random_bytes_are_refused_or_read():
    rng = np.random.default_rng(0)
    for _ in range(300):
        data = bytearray(written(separator=rng.choice([",", ";", "\t"]), times=date if rng.random() < 0.5 else None))
        for _ in range(int(rng.integers(1, 12))):
            at = int(rng.integers(len(data)))
            data[at : at + int(rng.integers(3))] = rng.choice(
                [b"", b"\n", b",", b'"', b"x", b";", b"\t", b"9" * 40, b"\xc3", b"-"]
            )
        try:
            series = read_series(bytes(data))
        except CorpusError as error:
            assert str(error)
        else:
            assert np.isfinite(series.values).all()


def test_a_series_travels_as_bytes():
    series = read_series(written(), "mine.csv", outputs=["b"])
    again = Series.from_bytes(series.to_bytes())
    assert again == series and again.digest == series.digest and np.array_equal(again.values, series.values)
    assert (again.name, again.notes, again.inputs, again.outputs, again.ahead) == (
        "mine.csv", series.notes, ("a", "b"), ("b",), 1,
    )  # fmt: skip
    assert read_series(written(separator=";", decimal=","), "other.csv", outputs=["b"]) == series, "the name does not count"
    others = {read_series(written(), **options).digest for options in ({}, {"ahead": 2}, {"inputs": ["a"], "outputs": ["b"]})}
    assert len(others | {series.digest}) == 4
    store = DataStore()
    assert store.receive("Series", series.to_bytes().decode()) == series.digest and store.get(series.digest) == series
    values = json.loads(series.to_bytes())
    for change in (
        {"kind": "Text"}, {"values": "!"}, {"values": "AAAA"}, {"rows": 59}, {"rows": "x"}, {"columns": ["a"]}, {"inputs": ["c"]},
        {"inputs": []}, {"outputs": None}, {"ahead": True}, {"ahead": -1}, {"ahead": 1.5}, {"notes": 3}, {"columns": ["a", "a"]},
    ):  # fmt: skip
        with pytest.raises(CorpusError):
            Series.from_bytes(json.dumps(values | change).encode())
    for missing in values:
        with pytest.raises(CorpusError):
            Series.from_bytes(json.dumps({k: v for k, v in values.items() if k != missing}).encode())
    nan = np.where(np.arange(N)[:, None] == 30, np.nan, VALUES)
    for bad in (nan, VALUES[:, :1], VALUES.ravel()):
        with pytest.raises(CorpusError):
            Series("x", ("a", "b"), bad, ("a",), ("a",))
