"""The built wheel and sdist in clean environments: what is in them, and that the command works from them."""

import json
import os
import sys
import tarfile
import zipfile
from pathlib import Path

import launching
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The wheel and the sdist, built from the tree as it is."""
    out = tmp_path_factory.mktemp("dist")
    builder = tmp_path_factory.mktemp("builder")
    planted = [ROOT / "connectors" / "hubspot" / ".env.planted", ROOT / "connectors" / "hubspot" / "token.local.yaml"]
    for path in planted:
        path.write_text("token: planted-secret-value\n", encoding="utf-8")
    try:
        _run(sys.executable, "-m", "venv", str(builder))
        python = builder / "bin" / "python"
        _run(python, "-m", "pip", "install", "-q", "build", "hatchling")
        _run(python, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT))
    finally:
        for path in planted:
            path.unlink()
    return next(out.glob("*.whl")), next(out.glob("*.tar.gz"))


@pytest.fixture(scope="session")
def installed(built, tmp_path_factory):
    """A clean environment with the wheel installed; returns its `conn`."""
    folder = tmp_path_factory.mktemp("clean")
    _run(sys.executable, "-m", "venv", str(folder))
    _run(folder / "bin" / "python", "-m", "pip", "install", "-q", str(built[0]))
    return folder / "bin" / "conn"


def _run(*command, cwd=None, check=True):
    environ = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    result = launching.run(
        [str(part) for part in command], cwd=cwd, env=environ, capture_output=True, text=True, timeout=600, check=False
    )
    if check:
        assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result


def test_wheel_holds_the_packages_and_the_data_and_no_secret(built):
    names = zipfile.ZipFile(built[0]).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "conn_cli",
        "conn_engine",
        "conn_import",
        "conn_service",
    }
    assert "conn_engine/_data/schemas/connector.schema.json" in names
    assert "conn_engine/_data/schemas/models/crm/contact.schema.json" in names
    assert "conn_engine/_data/connectors/hubspot.tar.gz" in names
    for data in (
        "webhook-schemes.yaml",
        "rate-limits.yaml",
        "oauth-endpoints.yaml",
        "public-imports.yaml",
        "scores.json",
    ):
        assert f"conn_engine/_data/connectors/{data}" in names
    with (
        zipfile.ZipFile(built[0]) as wheel,
        wheel.open("conn_engine/_data/connectors/hubspot.tar.gz") as file,
        tarfile.open(fileobj=file) as archive,
    ):
        packed = archive.getnames()
    assert {"connector.yaml", "contract.yaml", "unified/crm.yaml", "recordings/crm.contacts.list.json"} <= {*packed}
    names += packed
    assert "conn_engine/_data/example/accounts/acme.yaml" in names
    assert "conn_engine/py.typed" in names
    assert not [name for name in names if "planted" in name or name.endswith(".local.yaml") or "/.env" in name]


def test_the_wheel_is_small_although_it_has_all_recordings(built):
    assert built[0].stat().st_size < 6_000_000


def test_sdist_holds_what_a_build_needs_and_no_secret(built):
    with tarfile.open(built[1]) as archive:
        names = archive.getnames()
    assert any(name.endswith("/engine/conn_engine/wire.py") for name in names)
    assert any(name.endswith("/example/conn.yaml") for name in names)
    assert not [name for name in names if ".env" in name or name.endswith(".local.yaml")]


def test_the_command_works_from_the_wheel(installed, tmp_path):
    made = _run(installed, "init", "tour", "--example", cwd=tmp_path)
    assert "created the example workspace" in made.stdout
    tested = _run(installed, "test", "contacts.list", "--account", "acme", cwd=tmp_path / "tour")
    assert "1 operation" in tested.stdout and "passed" in tested.stdout
    assert _run(installed, "lint", cwd=tmp_path / "tour").stdout.strip() == "no findings"


@pytest.mark.parametrize(
    "name",
    [
        "hubspot",
        "salesforce",
        "pipedrive",
        "attio",
        "zendesk",
        "github",
        "jira",
        "linear",
        "asana",
        "stripe",
        "google_calendar",
        "xero",
        "microsoft_graph",
        "intercom",
        "calendly",
        "bamboohr",
        "slack",
        "notion",
        "acme-crm",
    ],
)
def test_new_is_green_at_once(installed, tmp_path, name):
    _run(installed, "new", name, cwd=tmp_path)
    _run(installed, "lint", cwd=tmp_path)
    result = _run(installed, "test", "--format", "json", cwd=tmp_path)
    reports = json.loads(result.stdout)["operations"]
    assert reports and all(report["passed"] for report in reports)
    assert not [finding for report in reports for finding in report["findings"]]


def test_doctor_finds_nothing_bad(installed, tmp_path):
    result = _run(installed, "doctor", "--format", "json", cwd=tmp_path)
    assert {row["check"] for row in json.loads(result.stdout)["checks"]} >= {
        "python",
        "evaluator",
        "credentials",
        "bundle",
    }
