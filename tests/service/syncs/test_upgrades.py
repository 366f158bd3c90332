"""The package may be upgraded while a run reads for hours: it loads nothing of ours any more when it ends."""

import json
import os
import sys

import launching
import pytest
from sync_bench import Bench

RUN = """\
import json, sys
from conn_service.syncs import runner

class Recorder:
    def __init__(self):
        self.names = None

    def find_spec(self, name, path=None, target=None):
        if self.names is not None and name.startswith("conn_"):
            self.names.append(name)

recorder = Recorder()
sys.meta_path.insert(0, recorder)
store_next_page = runner.store_next_page

def note_first_page(*arguments):
    stored = store_next_page(*arguments)
    if recorder.names is None:
        recorder.names = []
    return stored

runner.store_next_page = note_first_page
from conn_cli.start import main

try:
    main()
finally:
    print(json.dumps(recorder.names), file=sys.stderr)
"""


@pytest.mark.slow
def test_a_run_loads_nothing_after_its_first_page(bench: Bench) -> None:
    command = [sys.executable, "-c", RUN, "-C", str(bench.root), "sync", "run", "people", "--to", "file:people.jsonl"]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = launching.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, json.loads(done.stderr.splitlines()[-1])) == (0, []), done.stderr
    assert "complete" in done.stdout
