"""A service that serves a release channel, for the tests of what changes there."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from service_bench import CRM, Bench

from conn_engine.config import load_workspace
from conn_engine.releases import ChannelMove, Release, ReleaseSource, collect, open_store
from conn_engine.releases.cohorts import Cohort
from conn_engine.releases.model import Rollout
from conn_engine.releases.store import Store
from conn_service.http.accounts import ConfigurationSource
from conn_service.http.channel import ChannelConfiguration

__all__ = ["CONTACTS", "Channel", "read_name"]

CONTACTS = "/unified/crm/contacts"


def read_name(bench: Bench, token: str | None = None) -> Any:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return bench.ask("GET", f"{CONTACTS}/1", headers=headers).json()["result"]["first_name"]


@dataclass
class Channel:
    """A store of releases next to the workspace, and the configuration that follows its channel."""

    root: Path
    file: Path
    releases: list[str] = field(default_factory=list)
    source: ReleaseSource | None = None
    configuration: ChannelConfiguration | None = None

    def configure(self, _root: Path) -> ConfigurationSource:
        self.promote(self.release("response.name"))
        self.source = ReleaseSource(str(self.file), "production", identity="x", check_milliseconds=0)
        self.configuration = ChannelConfiguration(self.source, check_seconds=3600)
        return self.configuration

    def open(self) -> Store:
        return open_store(str(self.file), create=True)

    def release(self, first_name: str) -> str:
        """Make a release whose contacts have this first name."""
        (self.root / "connectors/shop/unified/crm.yaml").write_text(
            CRM.replace("response.name", json.dumps(first_name))
        )
        found = collect(load_workspace(self.root))
        with self.open() as store:
            made = Release(found.manifest.id, "", "ada", "2026-01-01T00:00:00Z", "1", {})
            store.add(made, found.manifest, found.blobs)
        self.releases.append(found.manifest.id)
        return found.manifest.id

    def promote(self, release: str) -> None:
        with self.open() as store:
            seen = store.channel("production")
            now = "2026-01-01T00:00:00Z"
            store.move(ChannelMove("production", seen.revision + 1, "promote", release, seen.release, "ada", now))
        if self.configuration is not None:
            self.configuration.check()

    def roll_out(self, release: str, *accounts: str) -> None:
        """Let some accounts use a release."""
        assert self.source is not None
        assert self.configuration is not None
        old, cohort = self.source.current().release, Cohort(accounts) if accounts else Cohort(percent=0)
        rollout = Rollout("production-2", release, cohort, "2026-01-01T00:00:00Z")
        self.source.move(
            lambda seen: ChannelMove("production", seen.revision + 1, "rollout", old, old, "ada", "", rollout=rollout)
        )
        self.configuration.check()
