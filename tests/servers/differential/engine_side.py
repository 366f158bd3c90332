"""Our side: the manifest imported into a workspace of its own, and its operations run through the library's face."""

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from reading import read_connector

from conn_engine import Call, connect, load_workspace
from conn_engine.auth import Credentials, choose_credentials
from conn_engine.conditions import USUAL, Chance, Conditions
from conn_engine.config.convert import convert
from conn_engine.responses.failures import Policy
from conn_engine.runtime.connection import Connection
from conn_engine.secrets import Redactor
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.transport import gateway
from conn_engine.transport.live import Live
from conn_engine.wire import FrozenClock, Request, Response
from conn_import import ImportedConnector, Options, import_source, read_source
from conn_import.words import to_snake

__all__ = ["NOW", "Ours", "Run"]

NOW = datetime.fromisoformat("2026-03-10T12:34:56.123+00:00")
ORIGIN = "X-Differential-Origin"
ACCOUNT = "acme"


class _Loopback:
    """A transport that asks the door as ever, then sends to the loopback server."""

    def __init__(self, live: Live, redactor: Redactor, port: int) -> None:
        self._live, self._redactor, self._port = live, redactor, port

    def send(self, request: Request) -> Response:
        gateway.check_request(request, self._redactor)
        parts = urlsplit(request.url)
        target = parts._replace(scheme="http", netloc=f"127.0.0.1:{self._port}").geturl()
        headers = request.headers.replace_header(ORIGIN, f"{parts.scheme}://{parts.netloc}")
        sent = dataclasses.replace(request, url=target, headers=headers, hosts=(f"127.0.0.1:{self._port}",))
        return dataclasses.replace(self._live.send(sent), url=request.url)

    def close(self) -> None:
        self._live.close()


@dataclasses.dataclass
class Run:
    """What reading an operation gave: records, the state afterwards, what went wrong ("" for nothing)."""

    records: list[Any]
    state: Any
    error: str


class Ours:
    """One manifest, imported. `read` runs the operation of a stream."""

    def __init__(self, manifest: Path, folder: Path, port: int) -> None:
        source = read_source(manifest)
        self.imported: ImportedConnector = import_source(source, Options("vendor"))
        self._folder, self.port = folder, port
        for place in ("connectors/vendor", "accounts"):
            (folder / place).mkdir(parents=True, exist_ok=True)
        self.trust([])
        self._data = read_connector(self.imported.files["connector.yaml"])
        self._credentials: Credentials = convert(self._data["credentials"], Credentials)
        self.imported.write(folder / "connectors" / "vendor")

    def trust(self, hosts: Sequence[str]) -> None:
        """Allow in conn.yaml the further hosts that may receive credentials: those that settings name."""
        settings = {"version": 1, "trusted_hosts": ["127.0.0.0/8", *sorted(hosts)]}
        (self._folder / "conn.yaml").write_text(json.dumps(settings), encoding="utf-8")

    def connection(self, config: Mapping[str, Any], *, wait: bool = False) -> Connection:
        """A connection of an account that has the values of a config. `wait`: rate limits are waited out."""
        context, document = self._account(config)
        account = {"connector": "vendor", "context": context}
        (self._folder / "accounts" / f"{ACCOUNT}.json").write_text(json.dumps(account), encoding="utf-8")
        vault = MemoryVault({ACCOUNT: document})
        clock = FrozenClock(NOW.timestamp())
        workspace = load_workspace(self._folder)
        connection = connect(
            workspace,
            ACCOUNT,
            environ={},
            vault=vault,
            clock=clock,
            optional_credential=True,
            policy=Policy(wait=wait, max_wait_seconds=1e9),
        )
        assert isinstance(connection.transport, Live)
        connection.wiring.session.now_ms = int(NOW.timestamp() * 1000)
        connection.transport = _Loopback(connection.transport, connection.wiring.redactor, self.port)
        return connection

    def _account(self, config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Context and credential as a person gives them who reads the connector: what it asks for, no value that is the
        default anyway, and numbers without quotes."""
        values: dict[str, dict[str, Any]] = {"context": {}, "credential": {}}
        for path, (kind, name) in self.imported.supplied.items():
            if (value := _at(config, path)) is not None:
                values[kind][name] = value
        fields = {one["name"]: one for one in self._data.get("fields", [])}
        context = {
            name: _as_typed(value)
            for name, value in values["context"].items()
            if name in fields and ("default" not in fields[name] or fields[name]["default"] != value)
        }
        credentials = choose_credentials(self._credentials, context, USUAL)
        document: dict[str, Any] = {}
        asked = {one.name for one in credentials.fields()}
        for name, value in values["credential"].items():
            if name in asked or name.startswith("session."):  # one that has logged in before
                _put(document, name.split("."), value)
        return context, document

    def _operation(self, stream: str) -> str:
        """The operation that stands for a stream: a name that means something else has a word behind it."""
        name = to_snake(stream)
        return f"{name}.list" if f"`{name}.list`" in self.imported.files["README.md"] else f"{name}_stream.list"

    def read(self, stream: str, config: Mapping[str, Any], state: Any = None, *, wait: bool = False) -> Run:
        """Every record of the operation that stands for a stream. That it came to a page again counts as an error."""
        records: list[Any] = []
        repeated = ""
        try:
            with self.connection(config, wait=wait) as connection:
                connection.wiring.session.conditions = Conditions(FrozenClock(NOW.timestamp()), Chance(0))
                for page in connection.pages(self._operation(stream), Call(state=state), raw=True):
                    records += page.records
                    state = page.state if page.state is not None else state
                    verdict = page.completeness
                    if verdict is not None and re.search("was there before|has the same", verdict.reason):
                        repeated = f"pagination: {verdict.reason}"
        except Exception as error:  # a fault of the engine is a difference too
            return Run(records, state, f"{type(error).__name__}: {error}"[:600])
        return Run(records, state, repeated)


def _as_typed(value: Any) -> Any:
    """A value as YAML reads it where it is written without quotes."""
    if isinstance(value, list):
        return [_as_typed(one) for one in value]
    if value in ("true", "false"):
        return value == "true"
    return int(value) if isinstance(value, str) and re.fullmatch("0|-?[1-9][0-9]{0,15}", value) else value


def _at(config: Mapping[str, Any], path: str) -> Any:
    value: Any = config
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _put(data: dict[str, Any], path: list[str], value: Any) -> None:
    for step in path[:-1]:
        data = data.setdefault(step, {})
    data[path[-1]] = value
