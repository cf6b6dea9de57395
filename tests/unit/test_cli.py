"""`python -m rnnkit`: real training from the command line, its tables, its help, and what it says about bad input."""

import importlib.util
import json
import os
import re
import runpy
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from command_line import SMALL

from rnnkit import Experiment, frame, train
from rnnkit.cli.experiment_options import experiment_of
from rnnkit.cli.main import main, parser
from rnnkit.corpus import TEST, split
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import FIXES
from rnnkit.experiment import FIELDS
from rnnkit.fields import ChoiceField
from rnnkit.stories.presets import PRESETS
from rnnkit.studies import STUDIES
from rnnkit.tasks import TASKS
from rnnkit.tasks.corpus import example_corpus
from rnnkit.tasks.data import STORE

EXPERIMENT = Experiment(length=10, hidden=8, batch=8, replicas=2, steps=12)


def test_records_are_those_of_the_library(tmp_path, capsys):
    out = tmp_path / "run.csv"
    assert main(["train", *SMALL, "--records", str(out)]) == 0
    expected = frame(train(EXPERIMENT))
    written = pd.read_csv(out, dtype=expected.dtypes.to_dict()).fillna({"cause": ""})
    pd.testing.assert_frame_equal(written, expected, check_exact=True)
    assert len(written) == 13 * 2
    assert "of what it is at the verb" in capsys.readouterr().out


def test_parquet_and_gradients(tmp_path):
    records, gradients = tmp_path / "run.parquet", tmp_path / "grad.parquet"
    main(["train", *SMALL, "--cell", "lstm", "--records", str(records), "--gradients", str(gradients)])
    assert len(pd.read_parquet(records)) == 13 * 2
    table = pd.read_parquet(gradients)
    assert len(table) == 13 * 2 * 10 * 2 and set(table.part) == {"h", "c"}
    for path in (records, gradients):  # as the dashboard's files do
        e = Experiment.from_json(pq.read_schema(path).metadata[b"rnnkit.experiment"].decode())
        assert e == replace(EXPERIMENT, cell="lstm")


def test_padding_has_no_row(tmp_path):
    """On sentences of different lengths there is no norm before a sentence's first word."""
    path = tmp_path / "grad.csv"
    main(
        [
            "train",
            "--preset",
            "corpus-gru",
            "--replicas",
            "1",
            "--batch",
            "2",
            "--steps",
            "1",
            "--quiet",
            "--gradients",
            str(path),
        ]
    )
    table = pd.read_csv(path)
    assert (table.norm > 0).all() and len(table) < 2 * PRESETS["corpus-gru"].experiment.length


def test_charts_and_a_handout(tmp_path):
    folder, page = tmp_path / "charts", tmp_path / "run.html"
    assert main(["train", *SMALL, "--cell", "lstm", "--charts", str(folder), "--handout", str(page)]) == 0
    names = {
        f"{name}.{form}"
        for name in ("gradient-h", "gradient-c", "loss", "accuracy", "weights", "lags")
        for form in ("svg", "png")
    }
    assert {path.name for path in folder.iterdir()} == names
    assert (folder / "loss.svg").read_text("utf-8").startswith("<svg") and b"PNG" in (folder / "loss.png").read_bytes()[:8]
    text = page.read_text("utf-8")
    assert "<h1>LSTM: agreement, 10 time steps</h1>" in text and "import torch" in text


def test_without_vl_convert_it_says_what_to_install_before_it_trains(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit):
        main(["train", *SMALL, "--charts", "charts"])
    assert "pip install vl-convert-python" in capsys.readouterr().err


def test_json_goes_out_and_comes_back(tmp_path):
    path = tmp_path / "e.json"
    main(["train", *SMALL, "--cell", "gru", "--fix", "truncate:5", "--fix", "clip-norm:2", "--save-json", str(path)])
    e = Experiment.from_json(path.read_text())
    assert e.cell == "gru" and [str(f) for f in e.fixes] == ["truncate:5", "clip-norm:2.0"]
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())  # as PowerShell writes it
    again = tmp_path / "again.json"
    main(["train", "--json", str(path), "--seed", "3", "--quiet", "--save-json", str(again)])
    assert json.loads(again.read_text()) == json.loads(path.read_text("utf-8-sig")) | {"seed": 3}


def test_preset_changed_by_options(tmp_path):
    path = tmp_path / "e.json"
    main(["train", "--preset", "esn", "--steps", "2", "--cell", "tanh", "--fix", "none", "--quiet", "--save-json", str(path)])
    e = Experiment.from_json(path.read_text())
    assert (e.cell, e.steps, e.fixes, e.leak) == ("tanh", 2, (), 1.0)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--cell", "foo"], "unknown cell 'foo': valid are tanh, sigmoid"),
        (["--length", "abc"], "length must be a whole number from 3 to 10000, got 'abc'"),
        (["--length", "1000000"], "length must be a whole number from 3 to 10000"),
        (["--lr", "nan"], "lr must be a number from 0 to 1000"),
        (["--fix", "foo"], "unknown fix 'foo': valid are truncate"),
        (["--fix", "clip-norm:-1"], "clip-norm needs a number greater than 0"),
        (["--cell", "lstm", "--fix", "omega"], "'omega' is not defined for cell 'lstm'"),
        (["--fix", ""], "--fix needs the name of a remedy, got ''"),
        (["--fix", "l2,,omega"], "--fix needs the name of a remedy, got 'l2,,omega'"),
        (["--fix", "none", "--fix", "omega"], "--fix none is no remedy at all"),
        (["--cell", "esn", "--fix", "clip-norm:1"], "--fix does not apply to cell 'esn'"),
        (["--steps", "-5"], "steps must be a whole number from 1 to 1000000, got '-5'"),
        (["--threads", "-3"], "--threads must be a whole number from 1 to 1024, got '-3'"),
        (["--threads", "two"], "--threads must be a whole number from 1 to 1024, got 'two'"),
        (["--device", "gpu"], "--device must be cpu, cuda or cuda: and a number, got 'gpu'"),
        (["--device", "cuda:99"], "--device cuda:99: PyTorch sees"),
        (["--length", "10000", "--hidden", "2048", "--batch", "4096"], "out of memory: this experiment needs about"),
        (["--gold", "x"], "--gold belongs to --file"),
        (["--format", "table"], "--format belongs to --file"),
        (["--whole-text"], "--whole-text belongs to --file"),
        (["--task", "words", "--file", __file__, "--format", "table"], "--format needs the task corpus"),
        (["--task", "characters", "--file", __file__, "--gold", __file__], "--gold needs the task corpus"),
        (["--file", __file__, "--whole-text"], "--whole-text needs a text (task characters or words), got 'corpus'"),
        (["--format", "word"], "invalid choice: 'word'"),
        (["--preset", ""], "unknown preset ''"),
        (["--preset", "omega", "--json", ""], "give --preset or --json, not both"),
        (["--json", ""], "expected the name of a file to read, got ''"),
        (["--json", "/"], "cannot read /: Is a directory"),
        (["--file", "/"], "cannot read the file /: Is a directory"),
        (["--file", ""], "expected the name of a file to read, got ''"),
        (["--file", sys.executable], "looks like a program"),
        (["--file", os.devnull], "the file is empty; expected text in UTF-8\n"),
        (["--file", __file__], "To learn from it as a text: --task characters, or words\n"),
        (["--bogus"], "unrecognized arguments: --bogus"),
        (["--cell", "esn", "--lr", "0.1"], "lr does not apply to cell 'esn'"),
        (["--task", "memorization", "--length", "10"], "length must be at least 21"),
        (["--preset", "foo"], "unknown preset 'foo': valid are forgets"),
        (["--json", "/nowhere/e.json"], "cannot read /nowhere/e.json"),
        (["--records", "run.xls"], "a table is written as .csv or .parquet, got 'run.xls'"),
        (["--handout", "/nowhere/run.html"], "there is no folder '/nowhere' to write '/nowhere/run.html' into"),
        (["--charts", __file__], "--charts needs a folder"),
        (["--cell", "foo", "--lr", "x"], "unknown cell 'foo'"),
        (
            ["--task", "adding", "--file", "x"],
            "a task that learns from a file (corpus, characters, words, series), got 'adding'",
        ),
        (["--task", "corpus", "--file", "/nowhere/s.tsv"], "cannot read the file"),
        (["--task", "corpus", "--file", __file__], "no known format begins with"),
        (["--task", "corpus", "--data", "0123456789abcdef"], "data 0123456789abcdef are not here"),
        (["--task", "corpus", "--data", "mine.tsv"], "data must be the 16 hexadecimal digits"),
    ],
)
def test_bad_input_is_named_with_what_is_valid(options, expected, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["train", *SMALL[:-1], *options])
    assert stop.value.code == 2
    said = capsys.readouterr()
    assert expected in said.err and said.out == ""
    assert said.err.count("\n") == 1, "one line"


@pytest.mark.parametrize("options", [["--task", name] for name in TASKS] + [["--cell", name] for name in CELLS], ids=" ".join)
def test_what_a_preset_brings_is_no_fault_of_the_options(options):
    field, value = options[0][2:], options[1]
    for name, preset in PRESETS.items():
        e = experiment_of(parser().parse_args(["train", "--preset", name, *options]))
        assert getattr(e, field) == value
        base = preset.experiment
        brought = {k: v for k, v in base.to_dict().items() if k != field}
        other = {k for k in brought if getattr(e, k) not in (getattr(base, k), FIELDS[k].default, ())}
        assert other == set(), "what does not fit falls back to its default"


def test_what_does_not_fit_of_a_preset_is_named_unless_quiet(capsys):
    few = ["train", "--preset", "omega", "--length", "8", "--hidden", "4", "--steps", "1"]
    note = "rnnkit: not taken from --preset, as it does not fit the other options: "
    assert main([*few, "--cell", "gru"]) == 0
    said = capsys.readouterr().err
    assert note + "fixes omega:" in said and "(now clip-norm:1.0)" in said
    for options in (["--cell", "gru", "--quiet"], ["--lr", "0.1"], ["--cell", "gru", "--fix", "l2:0.1"]):
        assert main([*few, *options]) == 0 and note not in capsys.readouterr().err


def test_fixes_of_a_preset_are_replaced_together(tmp_path):
    path = tmp_path / "e.json"
    main(["train", *SMALL, "--preset", "omega", "--fix", "l2:0.5", "--save-json", str(path)])
    assert json.loads(path.read_text())["fixes"] == ["l2:0.5"]


def test_a_corpus_from_a_file_is_trained_on_and_tested_beside_the_baselines(tmp_path, capsys):
    known, path = example_corpus(), tmp_path / "mine.tsv"
    lines = [f"{' '.join(known.prefixes[i])}\t{'plural' if known.plural[i] else 'singular'}\t{i % 2}" for i in range(0, 2800, 9)]
    path.write_text("\n".join(["prefix\tlabel\tn_attractors", *lines]), "utf-8")
    assert main(["train", "--preset", "corpus-gru", "--steps", "10", "--replicas", "1", "--file", str(path)]) == 0
    output = capsys.readouterr()
    assert "Read as table of prefixes" in output.err
    assert "of new sentences right" in output.out
    n = len([i for i in range(0, 2800, 9) if split(known)[i] == TEST])
    assert f"all ({n})" in output.out and "attractors 1 (" in output.out and "bag-of-words" in output.out
    assert "first one" not in output.out
    assert main(["train", "--task", "corpus", "--length", "9", "--steps", "1", "--replicas", "2", "--quiet"]) == 0
    assert "Of the 2 networks the first one is tested." in capsys.readouterr().out


def test_a_text_from_a_file_is_trained_on(tmp_path, capsys):
    path = tmp_path / "mine.txt"
    path.write_text("to be or not to be, that is the question. " * 300, "utf-8")
    options = ["--task", "characters", "--length", "10", "--steps", "5", "--replicas", "1", "--file", str(path)]
    assert main(["train", *options]) == 0
    output = capsys.readouterr()
    assert "of new characters right" in output.out and output.err == "", "nothing to note about this file"


def test_numbers_from_a_file_are_trained_on(tmp_path, capsys):
    path, values = tmp_path / "mine.csv", np.sin(np.arange(400)[:, None] / [3, 5])
    path.write_text("day;a;b\n" + "\n".join(f"{i};{a:.4f};{b:.4f}".replace(".", ",") for i, (a, b) in enumerate(values)), "utf-8")
    options = ["--task", "series", "--length", "20", "--cell", "esn", "--steps", "5", "--replicas", "2", "--file", str(path)]
    saved = tmp_path / "e.json"
    assert main(["train", *options, "--inputs", "b, a", "--outputs", "a", "--ahead", "2", "--save-json", str(saved)]) == 0
    output = capsys.readouterr()
    assert "Read as 3 columns between semicolons, names in the first line; decimal comma" in output.err
    assert "Reads b, a; predicts a, 2 rows ahead." in output.err
    assert "of new rows right" in output.out
    found = re.search(r"\(NRMSE\): (\S+) \(median of 2 networks\), (\S+) \(same as now\), (\S+) \(the mean\)\.\n$", output.out)
    ours, same, mean = map(float, found.groups())
    assert ours < 0.1 < 0.4 < same < mean < 1.1
    series = STORE.get(json.loads(saved.read_text())["data"])
    np.testing.assert_array_equal(series.of("a", "b"), np.round(values, 4))
    assert main(["train", *options, "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    for extra, message in (
        (["--length", "200"], "length may be at most 106 for the task 'numbers of a table' on these data, got 200"),
        (["--inputs", "c"], "no column is called 'c': valid are day, a, b"),
        (["--ahead", "x"], "--ahead must be a whole number of rows from 0 to 1000, got 'x'"),
        (["--ahead", "0"], "expected other columns to read than to predict in the same row"),
        (["--whole-text"], "--whole-text needs a text (task characters or words), got 'series'"),
        (["--format", "table"], "--format needs the task corpus (sentences with a verb), got 'series'"),
    ):
        with pytest.raises(SystemExit):
            main(["train", *options, *extra])
        assert message in capsys.readouterr().err
    for arguments, message in (
        (["--file", str(path)], "To learn from its numbers: --task series\n"),
        (["--task", "words", "--file", str(path), "--ahead", "2"], "--ahead needs numbers of a table (task series), got 'words'"),
        (["--outputs", "a"], "outputs belongs to --file: give --file, too"),
    ):
        with pytest.raises(SystemExit):
            main(["train", *arguments])
        assert message in capsys.readouterr().err


def test_all_problems_at_once(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--cell", "foo", "--lr", "x"])
    text = capsys.readouterr().err
    assert "unknown cell" in text and "lr must be" in text and "Traceback" not in text


def test_help_teaches_every_choice(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for spec in FIELDS.values():
        assert spec.option in text
        assert all(choice in text.replace("- ", "-") for choice in (spec.choices if isinstance(spec, ChoiceField) else ()))
    assert all(name in text.replace("- ", "-") for name in FIXES) and "examples:" in text and "exit codes:" in text
    assert "The first --fix removes all remedies of the default (clip-norm:1), the preset or the JSON" in text.replace("- ", "-")


def test_help_tells_the_default_of_every_option_that_has_one():
    commands = parser()._subparsers._group_actions[0].choices
    options = {option.option_strings[0]: option for option in commands["train"]._actions}
    helps = {name: option.help for name, option in options.items() if option.nargs != 0}  # flags are off by default
    without = ["--json", "--weights", "--file", "--gold", "--test"]
    without += ["--pairs-gold", "--records", "--gradients", "--charts", "--handout"]
    assert [name for name, text in helps.items() if "default" not in text] == [*without, "--save-json"]
    assert "(default 0)" in helps["--seed"] and "(default 0.003)" in helps["--lr"] and "(default none)" in helps["--data"]


def test_list_names_everything(capsys):
    assert main(["list"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for names in (FIXES, PRESETS) for name in names)
    studies = text.partition("studies (")[2].splitlines()[1:]
    assert [line.split()[0] for line in studies if line] == list(STUDIES) and all(
        len(line.split()) > 4 for line in studies if line
    )
    assert f"  {'lm_sample':30} A text drawn from a language model." in studies


def test_the_versions(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert re.fullmatch(r"rnnkit (\d\S*|of a clone), numpy \d\S*, torch \d\S*\n", capsys.readouterr().out)


def test_as_a_program(in_fresh_python):
    code = (
        f"import sys; sys.argv = ['rnnkit', 'train', *{SMALL!r}]; import runpy; runpy.run_module('rnnkit', run_name='__main__')"
    )
    assert "of new sentences right" in in_fresh_python(code.replace("'__main__')", "'__main__', alter_sys=True)"))


def test_ctrl_c_while_modules_load_ends_it_in_words(monkeypatch, capsys):
    class Interrupts:
        @staticmethod
        def find_spec(name, *_):
            if name == "rnnkit.cli.main":
                raise KeyboardInterrupt

    for name in ("rnnkit.cli.main", "rnnkit.__main__"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupts, *sys.meta_path])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_module("rnnkit", run_name="__main__")
    assert stopped.value.code == 130
    assert capsys.readouterr().err == "rnnkit: stopped before the training began, nothing is written\n"


def test_a_parquet_file_carries_its_experiment(tmp_path):
    import pyarrow.parquet as pq

    for option in ("--records", "--gradients"):
        path = tmp_path / f"{option[2:]}.parquet"
        assert main(["train", "--length", "10", "--hidden", "4", "--steps", "2", "--quiet", option, str(path)]) in (0, None)
        text = pq.read_schema(path).metadata[b"rnnkit.experiment"].decode()
        assert Experiment.from_json(text).steps == 2 and Experiment.from_json(text).hidden == 4


def test_gradients_of_padded_sentences_have_no_row_where_nothing_is(tmp_path):
    path = tmp_path / "g.csv"
    main(["train", "--task", "corpus", "--length", "25", "--hidden", "4", "--steps", "1", "--quiet", "--gradients", str(path)])
    norms = pd.read_csv(path).norm
    assert len(norms) and (norms >= 0).all()
