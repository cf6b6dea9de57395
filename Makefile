# Short names for what the README spells out; everything runs in .venv.
.PHONY: run test check fuzz shots
PY = .venv/bin/python

.venv: requirements-dev.txt requirements.txt
	python3 -m venv .venv
	$(PY) -m pip install -q -r requirements-dev.txt
	touch .venv

run: .venv
	$(PY) -m streamlit run dashboard.py

test: .venv
	$(PY) -m pytest -n 2 --dist loadfile -m "not browser"
	$(PY) -m pytest -m browser

# Twenty times the hostile cases of every test run, each time others.
fuzz: .venv
	RNNKIT_FUZZ=20 $(PY) -m pytest tests/test_hostile.py --timeout 0

check: .venv
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
