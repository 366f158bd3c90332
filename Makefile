# Every command of the project, once. `.ci/run` calls these.
PY ?= .venv/bin/python
export PYTHONPATH := cli:engine

.PHONY: setup test format lint types layers drift docs servers nightly differential wheel readme bench check

setup:            ## a virtual environment with the project and its development tools
	python3 -m venv .venv
	.venv/bin/pip install -q --upgrade pip
	.venv/bin/pip install -q --group dev -e .

test:             ## the plain suite: Python alone, no network beyond loopback
	$(PY) -m pytest -n auto --dist loadfile

format:           ## formatting as committed
	$(PY) -m ruff format --check cli engine tests benchmarks

lint:             ## ruff
	$(PY) -m ruff check cli engine tests benchmarks

types:            ## mypy --strict
	$(PY) -m mypy -p conn_cli -p conn_engine

layers:           ## a module imports only from floors below
	.venv/bin/lint-imports

drift:            ## schemas and generated documents equal their sources
	$(PY) -m conn_engine.schemas --check
	$(PY) -m conn_engine.functions --check
	$(PY) -m conn_engine.schemas.docs --check

docs:             ## write every generated part: schemas, tables of the pages, the README's
	$(PY) -m conn_engine.schemas
	$(PY) -m conn_engine.functions --write
	$(PY) -m conn_engine.schemas.docs --write
	$(PY) tests/readme/generated.py --write

servers:          ## real third-party servers on loopback (needs node, npm, apt-get)
	$(PY) -m pytest tests/servers -m "not nightly" -o addopts="-q --import-mode=importlib" -p no:xdist

nightly:          ## the same, with what takes long by its nature
	$(PY) -m pytest tests/servers -o addopts="-q --import-mode=importlib" -p no:xdist

differential:     ## the public sample of low-code manifests under its own kit and under ours (a quarter of an hour); writes the table
	PYTHONPATH=$(PYTHONPATH):tests/servers $(PY) -m differential --table tests/servers/differential/table.md

wheel:            ## the built wheel and sdist in a clean environment
	$(PY) -m pytest tests/packaging -o addopts="-q --import-mode=importlib"

readme:           ## the README's own commands, in a fresh environment
	$(PY) -m pytest tests/readme -o addopts="-q --import-mode=importlib"

bench:            ## the benchmarks, as ratios in one run
	$(PY) -m benchmarks

check: format lint types layers drift test
