"""Articles in chunks in an embedded vector database, as the how-to page writes them (`dlt[lance]`: large wheels)."""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import launching
import pytest
from processes import cache

sys.path.append(str(Path(__file__).resolve().parents[1]))

from vendor import start_vendor

from conn_engine.documents import find_markdown_blocks

pytestmark = pytest.mark.nightly  # 700 MB of wheels

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "sync-into-a-vector-database.md"
CONN = [sys.executable, "-c", "from conn_cli.start import main; main()"]
READ = """
import glob, json, sys, lance
[place] = glob.glob(f"{sys.argv[1]}/**/*$chunks", recursive=True)
print(json.dumps(lance.dataset(place).to_table(filter=sys.argv[2]).to_pylist()))
"""
BODY = " ".join(f"sentence {number} about the product." for number in range(90))


def test_chunks_of_articles(tmp_path: Path) -> None:
    """New chunks are added, changed ones replaced, and those that are gone are marked."""
    articles = [{"id": 1, "title": "Start", "body": BODY}, {"id": 2, "title": "Stop", "body": "Short."}]
    text = PAGE.read_text("utf-8")
    with start_vendor(answer=lambda _: {"items": articles}) as vendor:
        for block in find_markdown_blocks(text):
            if block.language != "yaml":
                continue
            named = re.match(r"# (\S+)\n", block.text)
            path = tmp_path / (named[1] if named else "connectors/shop/connector.yaml")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text.replace("https://api.example.com", vendor.url), "utf-8")
        (tmp_path / "conn.yaml").write_text(f"version: 1\ntrusted_hosts: ['{vendor.host}']\n", "utf-8")
        environ = find_environment(tmp_path, text)
        assert run_sync(tmp_path, environ)["verdict"] == "complete"
        first = read_chunks(tmp_path, environ)
        articles[0]["body"] = BODY[:1500]
        assert run_sync(tmp_path, environ)["counts"]["deletes"] > 0
    chunks = read_chunks(tmp_path, environ)
    assert [row["article"] for row in first].count("1") > [row["article"] for row in chunks].count("1") > 1
    assert {row["title"] for row in chunks if row["article"] == "1"} == {"Start"}
    assert [row["text"] for row in chunks if row["article"] == "2"] == ["Short."]
    assert all(0 < len(row["text"]) <= 800 for row in [*first, *chunks])


def find_environment(folder: Path, text: str) -> dict[str, str]:
    """The variables that the page sets, with the libraries of the destination."""
    libraries = cache.venv("dlt", "1.31.0", extras="lance").parent / "lib" / f"python3.{sys.version_info.minor}"
    [name] = re.findall(r"export (\w+)=vectors", text)
    places = os.pathsep.join([*sys.path, str(libraries / "site-packages")])
    return {**os.environ, "CONN_NO_KEYRING": "1", name: str(folder / "vectors"), "PYTHONPATH": places}


def run_sync(folder: Path, environ: dict[str, str]) -> dict[str, Any]:
    command = [*CONN, "-C", str(folder), "sync", "run", "articles", "--format", "json"]
    done = launching.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    run: dict[str, Any] = json.loads(done.stdout)["runs"][0]
    return run


def read_chunks(folder: Path, environ: dict[str, str]) -> list[dict[str, Any]]:
    command = [sys.executable, "-c", READ, str(folder / "vectors"), "_deleted = false"]
    done = launching.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows
