# Short names for what README and CI run; everything runs in .venv, or in another one: make test VENV=.venv-3.14
.PHONY: run test quick unit browser claims fuzz hall newest check api papers wheel
VENV = .venv
ifeq ($(OS),Windows_NT)
PYTHON = python
PY = $(VENV)/Scripts/python
else
PYTHON = python3
PY = $(VENV)/bin/python
endif

$(VENV): requirements-dev.txt requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install -q -r requirements-dev.txt
	$(PY) -c "import pathlib; pathlib.Path('$(VENV)').touch()"

run: $(VENV)
	$(PY) -m streamlit run dashboard.py

# The README's test command: first what needs no browser, by two processes; then what drives one, alone.
test: unit browser

# Between two commits: no browser, no claims (trainings), no faults (killed processes, full disks); eight minutes on two cores.
quick: $(VENV)
	$(PY) -m pytest -n 2 --dist loadfile -m "not browser" tests/unit tests/pages

unit: $(VENV)
	$(PY) -m pytest -n 2 --dist loadfile -m "not browser"

browser: $(VENV)
	$(PY) -m pytest -m browser

# What is slow by nature. Every claim of stories and remedies on 32 networks, twice:
claims: $(VENV)
	$(PY) -m pytest -n 2 -m slow

# twenty times the hostile cases and the random models of every test run, each time others:
fuzz: $(VENV)
	RNNKIT_FUZZ=20 $(PY) -m pytest tests/faults/test_hostile.py tests/unit/test_watch.py tests/unit/test_watch_shown.py --timeout 0

# a lecture hall of 250 viewers who watch the same run:
hall: $(VENV)
	$(PY) benchmarks/load.py same --viewers 250

# the pages on the newest Streamlit, in an environment of its own, since requirements.txt names the one that they are made for:
newest:
	$(MAKE) VENV=.venv-newest .venv-newest
	.venv-newest/bin/python -m pip install -q --upgrade streamlit
	.venv-newest/bin/python -m pytest --deselect tests/unit/test_requirements.py -k "page or browser or streamlit"

check: $(VENV)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m check_jsonschema --builtin-schema vendor.github-workflows $(wildcard .github/workflows/*.yml)

# docs/api.md from the docstrings, docs/courses.md from the lessons
api: $(VENV)
	$(PY) -m docs.make_api
	$(PY) -m docs.make_courses

# docs/papers and the recorded results of papers, anew: minutes for each
papers: $(VENV)
	$(PY) -m docs.make_papers

wheel: $(VENV)
	$(PY) -m pip wheel -q --no-deps --no-build-isolation --wheel-dir dist .
