"""What version 0.1.0 wrote still opens: a store of releases, a baseline of findings. `earlier/` holds its files."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from transcript import conn

EARLIER = Path(__file__).parent / "earlier"
FIRST, SECOND = "33d21076e28e", "499edf67791f"


@pytest.fixture
def shop(tmp_path):
    """The workspace, and the store in which both of its releases are."""
    shutil.copytree(EARLIER / "workspace", tmp_path, dirs_exist_ok=True)
    (tmp_path / ".conn").mkdir()
    with closing(sqlite3.connect(tmp_path / ".conn" / "releases.sqlite3")) as store:
        store.executescript((EARLIER / "store.sql").read_text("utf-8"))
    return tmp_path


def test_a_store_shows_what_it_was_given(shop):
    shown = conn(shop, "history").out
    assert f"production  serves {FIRST}" in shown
    assert f"staging     serves {SECOND}" in shown
    assert (
        "first_name   response.first_name -> $uppercase(response.first_name)" in conn(shop, "diff", FIRST, SECOND).out
    )


def test_a_store_takes_promotions_rollbacks_and_releases(shop):
    assert f"production: {FIRST} -> {SECOND}" in conn(shop, "promote", SECOND, "production", "--by", "eve").out
    assert conn(shop, "rollback", "production", "--by", "eve").code == 0
    assert f"production  serves {FIRST}   revision 3" in conn(shop, "history").out
    unified = shop / "connectors" / "demo" / "unified" / "crm.yaml"
    unified.write_text(unified.read_text("utf-8").partition("    create:")[0], "utf-8")
    released = conn(shop, "release", "-m", "again", "--by", "eve").out
    assert f"release {FIRST}   already exists" in released  # the same content has the same name as then


def test_a_baseline_accepts_the_findings_that_it_was_made_of(shop):
    done = conn(shop, "lint", "--baseline", "baseline.json")
    assert (done.code, done.out) == (0, "no findings\n")
    assert conn(shop, "lint").code == 1
    accepted = json.loads((shop / "baseline.json").read_text("utf-8"))["accepted"]
    assert [row["code"] for row in accepted] == ["REC101", "REF102"] * 3
