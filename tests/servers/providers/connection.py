"""One imported entry with made-up values, its URLs led to a stand-in: the workspace, the values, the credential."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from reading import read_connector
from vendor import Vendor

from conn_engine.config import Workspace, load_workspace
from conn_engine.documents import dump_json
from conn_engine.secrets.vault import MemoryVault
from conn_import import ImportedConnector, ImportedDocument, Options, import_source, propose_name
from providers.corpus import mode
from providers.templates import Values

__all__ = ["ACCOUNT", "Made", "keys", "make"]

ACCOUNT = "acme"
URLS = ("base_url", "url", "token_url", "authorization_url", "request_token_url", "access_token_url", "refresh_url")
EXTRA = {  # what these modes ask for without saying so in an entry
    "BILL": ("username", "password", "organizationId", "devKey"),
    "INSTALL_PLUGIN": ("username", "password"),
    "OAUTH2_CC": ("client_id", "client_secret"),
    "BASIC": ("username", "password"),
    "API_KEY": ("apiKey",),
    "SIGNATURE": ("username", "password"),
}


@cache
def keys() -> dict[str, str]:
    """A private key of each kind, as PEM."""
    made = {"RSA": rsa.generate_private_key(65537, 2048), "EC": ec.generate_private_key(ec.SECP256R1())}
    return {
        name: key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        for name, key in made.items()
    }


@dataclass(slots=True)
class Made:
    """A connection to the stand-in. `data` is the connector as it was imported, `environ` its variables."""

    entry: dict[str, Any]
    imported: ImportedConnector
    data: dict[str, Any]
    values: Values
    workspace: Workspace
    vault: MemoryVault
    environ: dict[str, str]
    vendor: Vendor


def make(
    source: ImportedDocument, key: str, entry: dict[str, Any], vendor: Vendor, folder: Path, **context: str
) -> Made:
    """Import an entry and connect an account of it. `context` is what else the account sets."""
    imported = import_source(source, Options(propose_name(source, key), entry=key))
    data = read_connector(imported.files["connector.yaml"])
    values = _values(entry, vendor)
    led = _led(data, vendor.url)
    led.pop("hosts", None)
    led["resources"] = {**led["resources"], "probe": {"get": {"method": "get", "path": "/probe/thing"}}}
    name = imported.name
    captured = entry.get("token_response_metadata") or []
    own = {
        called: values.config[bare]
        for full, (place, called) in imported.supplied.items()
        if place == "context" and (bare := full.partition(".")[2]) in values.config and bare not in captured
    }
    texts = {
        "conn.yaml": {"version": 1, "trusted_hosts": ["127.0.0.1:*"]},
        f"connectors/{name}/connector.yaml": led,
        f"accounts/{ACCOUNT}.yaml": {"connector": name, "context": own | context},
    }
    for path, content in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(dump_json(content) if not isinstance(content, str) else content, encoding="utf-8")
    workspace = load_workspace(folder)
    environ = {found: _variable(found) for found in re.findall(r"env\.([A-Z0-9_]+)", imported.files["connector.yaml"])}
    made = Made(entry, imported, data, values, workspace, MemoryVault(), environ, vendor)
    document = _document(made)
    if document:
        made.vault.save(ACCOUNT, document)
    return made


def _led(value: Any, origin: str, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _led(inner, origin, str(name)) for name, inner in value.items()}
    if isinstance(value, list):
        return [_led(inner, origin) for inner in value]
    return re.sub(r"^https://", f"{origin}/", value) if isinstance(value, str) and key in URLS else value


def _variable(name: str) -> str:
    return keys()["RSA"] if name.endswith("PRIVATE_KEY") else f"value-of-{name.lower().replace('_', '-')}"


def _values(entry: dict[str, Any], vendor: Vendor) -> Values:
    config = {"accountId": "12-ab"} if mode(entry) == "TBA" else {}
    said = {**(entry.get("integration_config") or {}), **(entry.get("connection_config") or {})}
    for name, row in said.items():
        options = row.get("enum") or [row.get("default_value") or f"acme-{name.lower().replace('_', '-')}.example"]
        whole = str(row.get("pattern", "")).startswith(("^https:", "^https?:")) and "prefix" not in row
        config[name] = f"{vendor.url}/{name.lower()}.example" if whole else str(options[-1])
    named = [*(entry.get("credentials") or {}), *EXTRA.get(mode(entry), ())]
    return Values(config, {name: _credential(name, entry) for name in named})


def _credential(name: str, entry: dict[str, Any]) -> str:
    row = (entry.get("credentials") or {}).get(name, {})
    if row.get("hidden"):
        return str(row.get("default_value") or "")
    protocol = (entry.get("signature") or {}).get("protocol")
    if name == "privateKey":
        return keys().get(str(protocol), f"key-id-1:{'0badcafe' * 8}")
    # What a form must encode; not the secret of an OAuth client, whose Basic header encodes it again (RFC 6749).
    special = row.get("secret") and name in ("password", "clientSecret", "consumerSecret", "refreshToken")
    return f"secret-{name.lower()}/+=&x" if special or name == "refreshToken" else f"made-up-{name.lower()}"


def _document(made: Made) -> dict[str, Any] | None:
    """The credential as a login would store it, before any token."""
    credentials = made.workspace.effective(account=ACCOUNT).connector.credentials
    if credentials is None:
        return None
    names = {called: full for full, (place, called) in made.imported.supplied.items() if place == "credential"}
    values = {}
    for field in credentials.fields():
        full = names.get(field.name, "")
        bare = full.partition(".")[2]
        found = made.values.credentials.get(bare, made.values.config.get(bare))
        values[field.name] = found if found is not None else f"stored-{field.name}"
    return credentials.document(values)
