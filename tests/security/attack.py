"""A workspace under attack: a vendor and a stranger on 127.0.0.1, one account whose override the attacker writes.

The vendor is the connector's own host. `World.attack` writes the override and runs a command line in-process;
`World.nothing_leaked` looks for the secrets, also reversed and base64-encoded, in what was printed and written, and at
what the stranger received.
"""

import base64
import io
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vendor import Vendor, start_vendor

from conn_cli.console import App
from conn_cli.main import execute
from conn_engine.documents import dump_yaml
from conn_engine.wire import FrozenClock

KEY = "k3y-Zq81xWv7Rt5Lm2"
ENVIRONMENT_SECRET = "env-Hd92kQp4Tn6Yb3"
SECRETS = (KEY, ENVIRONMENT_SECRET)


def start_answering() -> AbstractContextManager[Vendor]:
    """A vendor that has one thing to give, until a test sets another answer."""
    return start_vendor(lambda arrived: {"results": [{"id": "1"}]})


@dataclass
class Run:
    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err


@dataclass
class World:
    folder: Path
    vendor: Vendor
    stranger: Vendor
    trusted: tuple[str, ...] = ()
    """What conn.yaml trusts beside the vendor."""

    def connector(self, **changes: Any) -> dict[str, Any]:
        return {
            "base_url": f"{self.vendor.url}/v1",
            "hosts": [f"127.0.0.1:{self.vendor.port}"],
            "credentials": {"format": "api_key", "config": {}},
            "authorization": {"format": "header", "config": {"name": "X-Key", "value": "{{api_key}}"}},
            "env": ["VENDOR_APP"],
            "resources": {
                "things": {
                    "list": {"method": "get", "path": "/things", "response_path": "results"},
                    "get": {"method": "get", "path": "/things/{{id}}"},
                    "create": {"method": "post", "path": "/things"},
                }
            },
            **changes,
        }

    def write(self, name: str, data: Any) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(data if isinstance(data, str) else dump_yaml(data), encoding="utf-8")
        return path

    def lay_out(self, override: dict[str, Any] | None = None, *, connector: Any = None, **account: Any) -> None:
        self.write("conn.yaml", {"version": 1, "trusted_hosts": [f"127.0.0.1:{self.vendor.port}", *self.trusted]})
        self.write("connectors/demo/connector.yaml", connector or self.connector())
        self.write(
            "connectors/demo/unified/crm.yaml",
            {"resources": {"things": {"list": {"response_mapping": {"id": "response.id"}}}}},
        )
        document = {"connector": "demo", "context": {"tenant": "acme"}, **account}
        self.write("accounts/acme.yaml", {**document, "override": override or {}})

    def conn(self, *arguments: str, stdin: str = "", **environ: str) -> Run:
        out, err = io.StringIO(), io.StringIO()
        surroundings = {
            "CONN_NO_KEYRING": "1",
            "CONN_STATE_DIR": str(self.folder / ".state"),
            "CONN_ACME_API_KEY": KEY,
            "VENDOR_APP": ENVIRONMENT_SECRET,
            **environ,
        }
        app = App(
            folder=self.folder,
            environ={name: value for name, value in surroundings.items() if value},
            clock=FrozenClock(1_795_000_000),
            stdin=io.StringIO(stdin),
            stdout=out,
            stderr=err,
        )
        code = execute(arguments, app)
        return Run(int(code), out.getvalue(), err.getvalue())

    def attack(self, override: dict[str, Any], *arguments: str, **account: Any) -> Run:
        self.lay_out(override, **account)
        return self.conn(*(arguments or ("run", "things.list", "-a", "acme", "--trace")))

    def nothing_leaked(self, done: Run, *secrets: str, stranger_may_be_asked: bool = False) -> None:
        texts = {"printed": done.all}
        for path in self.folder.rglob("*"):
            if path.is_file():
                texts[str(path)] = path.read_text(encoding="utf-8", errors="replace")
        for got in self.stranger.arrived:
            texts["the stranger"] = f"{got.target}{got.headers}{got.body!r}"
        for secret in secrets or SECRETS:
            for where, text in texts.items():
                for form in forms(secret):
                    assert form not in text, f"{form} of {secret} in {where}"
        if not stranger_may_be_asked:
            assert self.stranger.arrived == []


def forms(secret: str) -> list[str]:
    """A secret plain, and as an expression could disguise it."""
    packed = base64.b64encode(secret.encode()).decode().rstrip("=")
    return [secret, secret[::-1], packed, " ".join(secret), secret.upper(), secret[:12], secret[-12:]]
