"""Workspaces in temporary folders: one that reaches the local server, and one of many connectors."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import yaml

from benchmarks.customers import FIELDS, RESOURCES, change, customers
from benchmarks.measure import CHECKOUT, CONN, seconds_of
from conn_engine.config.models import Configuration
from conn_engine.config.short_form import expand

__all__ = ["BUNDLED", "catalogue", "individual", "local", "overridden"]

BUNDLED = ("github", "hubspot", "pipedrive", "salesforce", "zendesk")


def local(folder: Path, connector: str, port: int, total: int, context: Mapping[str, Any]) -> None:
    """A bundled connector, unchanged but for the base URL, which an environment sets; account `bench`."""
    shutil.copytree(CHECKOUT / "connectors" / connector, folder / "connectors" / connector)
    address = f"http://127.0.0.1:{port}/{total}"
    settings: dict[str, Any] = {"base_url": address}
    text = (folder / "connectors" / connector / "connector.yaml").read_text("utf-8")
    document = expand(yaml.safe_load(text), Configuration)[0]
    urls = [
        key for key in document["credentials"].get("config", {}) if key in ("token_url", "refresh_url", "revocation")
    ]
    if urls:  # an environment that moves requests moves the token's too
        settings["credentials"] = {"config": dict.fromkeys(urls, f"{address}/token")}
    moved = {"placement": [f"credentials.config.{key}" for key in urls]}
    conn: dict[str, Any] = {"version": 1, "default_environment": "bench", "trusted_hosts": [f"127.0.0.1:{port}"]}
    _write(folder / "conn.yaml", {**conn, "environments": {"bench": {"allow": moved}}})
    _write(folder / "environments" / "bench.yaml", {"connectors": {connector: settings}})
    _write(folder / "accounts" / "bench.yaml", {"connector": connector, "context": dict(context)})


def overridden(folder: Path, connector: str, context: Mapping[str, Any], override: Mapping[str, Any]) -> None:
    """A bundled connector with an account `bench` that says some of it otherwise."""
    shutil.copytree(CHECKOUT / "connectors" / connector, folder / "connectors" / connector)
    _write(folder / "conn.yaml", {"version": 1})
    account = {"connector": connector, "context": dict(context), "override": dict(override)}
    _write(folder / "accounts" / "bench.yaml", account)


def catalogue(folder: Path, count: int) -> None:
    """`count` connectors: the bundled ones in turn, whole, each under a name of its own."""
    _write(folder / "conn.yaml", {"version": 1})
    for number in range(count):
        name = BUNDLED[number % len(BUNDLED)]
        own = f"{name}-{number:04d}"
        place = folder / "connectors" / own
        shutil.copytree(CHECKOUT / "connectors" / name, place)
        document = place / "connector.yaml"
        document.write_text(document.read_text("utf-8").replace(f"name: {name}\n", f"name: {own}\n", 1), "utf-8")


def individual(folder: Path, count: int, *, seed: int = 1) -> tuple[Path, Path]:
    """Both sides of a change in a base mapping, for `count` accounts whose overrides of one field are all different."""
    random = Random(seed)
    before, after = customers(folder / "before", 0), customers(folder / "after", 0)
    change(after)
    for side in (before, after):
        seconds_of([*CONN, "-C", str(side), "test", "--update"], side)
    for number in range(count):
        mapping = {random.choice(FIELDS): f"response.properties.{random.choice(FIELDS)} & ' {number}'"}
        override = {"unified": {"crm": {random.choice(RESOURCES): {"list": {"response_mapping": mapping}}}}}
        for side in (before, after):
            account = {"connector": "vendor", "override": override}
            _write(side / "accounts" / f"account-{number:05d}.yaml", account)
    return before, after


def _write(path: Path, data: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), "utf-8")  # JSON is YAML
