"""The applications in TypeScript and Go that docs/how-to/receive-events.md shows take what is really signed, once.

The one in Python runs in tests/docs.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import launching
from processes import cache

sys.path.append(str(Path(__file__).resolve().parents[1]))

from signed_events import check_application, read_program, start_application

LIBRARY = ("standardwebhooks", "1.1.1", "typescript@5.9.3", "@types/node@20.19.43")
SECONDS = 300


def test_the_application_in_typescript(tmp_path: Path) -> None:
    modules = cache.node_modules(*LIBRARY)
    (tmp_path / "node_modules").symlink_to(modules)
    (tmp_path / "package.json").write_text('{"type": "module"}\n')
    (tmp_path / "receiver.ts").write_text(read_program("typescript"))
    options = ["--strict", "--target", "es2022", "--module", "nodenext", "--types", "node", "--skipLibCheck"]
    compile_program([modules / ".bin/tsc", *options, "receiver.ts"], tmp_path)
    with start_application([cache.tool("node", "Install Node.js 20."), "receiver.js"], tmp_path) as (url, output):
        check_application(url, output, tmp_path)


def test_the_application_in_go(tmp_path: Path) -> None:
    root = cache.debian_closure("golang-go", "golang-go") / "usr/lib/go-1.24"
    (tmp_path / "receiver.go").write_text(read_program("go"))
    (tmp_path / "go.mod").write_text("module receiver\n\ngo 1.24\n")
    own = {"GOROOT": str(root), "GOCACHE": str(cache.root() / "go-build"), "GOTOOLCHAIN": "local"}
    own |= {"GOPATH": str(tmp_path / "path"), "GOPROXY": "off"}
    for command in (["vet", "."], ["build", "-o", "receiver", "."]):
        compile_program([root / "bin/go", *command], tmp_path, own)
    with start_application([tmp_path / "receiver"], tmp_path) as (url, output):
        check_application(url, output, tmp_path)


def compile_program(command: list[str | Path], folder: Path, environ: Mapping[str, str] = {}) -> None:
    words, own = [str(word) for word in command], {**os.environ, **environ}
    done = launching.run(words, cwd=folder, env=own, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
