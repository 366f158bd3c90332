"""A small workspace folder with a store, for the tests of releases."""

from pathlib import Path

from conn_engine.config import Workspace, load_workspace
from conn_engine.releases import ChannelMove, Release, collect, open_store
from conn_engine.releases.store import Store

__all__ = ["CRM", "FILES", "UNIFIED", "Desk", "movement"]

CONNECTOR = """\
base_url: https://api.example.com/v1
credentials: {format: bearer}
authorization: {format: bearer}
resources:
  people:
    list: {method: get, path: /people, response_path: items}
"""
UNIFIED = """\
resources:
  contacts:
    list:
      resource: people
      response_mapping: {id: $string(response.id), first_name: response.name}
"""
RECORDING = """\
{"format": 1, "connector": "demo", "operation": "crm.contacts.list", "scenario": "default", "source": "sample",
 "recorded_at": "2026-01-01T00:00:00Z", "base_url": "https://api.example.com/v1", "call": {},
 "exchanges": [{"request": {"method": "GET", "url": "https://api.example.com/v1/people"},
                "response": {"status": 200, "body": {"items": [{"id": 1, "name": "Ada", "nick": "Countess"}]}}}]}
"""
GOLDEN = """\
{"operation": "crm.contacts.list", "scenario": "default", "requests": [{"method": "GET", "url": "/people"}],
 "records": [{"id": "1", "first_name": "Ada"}]}
"""
FILES = {
    "conn.yaml": "version: 1\n",
    "connectors/demo/connector.yaml": CONNECTOR,
    "connectors/demo/unified/crm.yaml": UNIFIED,
    "connectors/demo/recordings/crm.contacts.list.json": RECORDING,
    "connectors/demo/expected/crm.contacts.list.json": GOLDEN,
    "environments/production.yaml": "connectors: {}\n",
    "accounts/acme.yaml": "connector: demo\ncontext: {owner: one}\n",
    "accounts/globex.yaml": "connector: demo\n",
}
CRM = "connectors/demo/unified/crm.yaml"


class Desk:
    """A workspace folder with a store."""

    def __init__(self, root: Path, address: str) -> None:
        self.root = root
        self.address = address
        for name, text in FILES.items():
            self.write(name, text)

    @property
    def workspace(self) -> Workspace:
        """The folder, read again."""
        return load_workspace(self.root)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def map_name(self, expression: str) -> None:
        """Let the mapping take the name from elsewhere."""
        self.write(CRM, UNIFIED.replace("response.name", expression))

    def store(self) -> Store:
        return open_store(self.address, create=True)

    def release(self, store: Store, message: str = "") -> str:
        """Keep the folder as a release, without checks."""
        found = collect(self.workspace)
        store.add(
            Release(found.manifest.id, message, "ada", "2026-01-01T00:00:00Z", "1", {}), found.manifest, found.blobs
        )
        return found.manifest.id

    def serve(self, store: Store, release: str, channel: str = "production") -> None:
        """Let a channel serve a release, whatever it serves now."""
        seen = store.channel(channel)
        store.move(movement(channel, seen.revision + 1, release, seen.release))


def movement(channel: str, revision: int, release: str, previous: str = "", by: str = "ada") -> ChannelMove:
    return ChannelMove(channel, revision, "promote", release, previous, by, "2026-01-01T00:00:00Z")
