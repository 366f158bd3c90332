"""Operations of a small connector, run against a scripted vendor."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # tests are imported by path: this makes `paged_vendors` known

from paged_vendors import BASE, Listing, Vendor

from conn_engine.config import Workspace, load_workspace
from conn_engine.runtime.call import Call, Run, Session
from conn_engine.runtime.drive import drive
from conn_engine.runtime.operation import perform
from conn_engine.secrets.vault.memory import MemoryVault


@pytest.fixture
def workspace(tmp_path: Any) -> Callable[..., Workspace]:
    def make(pagination: dict[str, Any], resources: dict[str, Any] | None = None, **operation: Any) -> Workspace:
        listing = {"method": "get", "path": "/things", "response_path": "items", **operation}
        connector = {
            "base_url": BASE,
            "credentials": {"format": "bearer"},
            "authorization": {"format": "bearer"},
            "resources": {"things": {"list": {**listing, "pagination": pagination}}, **(resources or {})},
        }
        for name, data in {
            "conn.yaml": {"version": 1},
            "connectors/shop/connector.yaml": connector,
            "accounts/acme.yaml": {"connector": "shop"},
        }.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(json.dumps(data), encoding="utf-8")
        return load_workspace(tmp_path)

    return make


@pytest.fixture
def run(workspace: Callable[..., Workspace]) -> Callable[..., Listing]:
    """`run(format, config, vendor, call=…, made=…, resources=…, **operation)`."""

    def go(
        format: str,  # noqa: A002
        config: dict[str, Any],
        vendor: Vendor,
        *,
        call: Call | None = None,
        made: Listing | None = None,
        **operation: Any,
    ) -> Listing:
        effective = workspace({"format": format, "config": config}, **operation).effective(account="acme")
        result = made or Listing()
        result.vendor = vendor
        session = Session("acme", {"token": "s3cret"}, clock=result.clock)
        flow = perform(Run(effective, session), effective.resolve("things.list"), call or Call())
        for page in drive(flow, result, MemoryVault({"acme": session.document}), clock=result.clock):
            result.records += [record["id"] if isinstance(record, dict) else record for record in page.records]
            result.notes += page.notes
            result.cursors.append(page.next_cursor)
            result.verdicts.append(page.completeness)
            result.states.append(page.state)
        return result

    return go
