"""What `conn new` and `conn catalogue` offer for a vendor without a connector of which some settings are known."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from conn_engine.config.vendors import BASIS, FactKind, find_imports, find_known

__all__ = ["SETTINGS", "describe_settings", "fill_skeleton", "is_sample_left_out", "list_fields", "suggest_near"]

SETTINGS: Final[Mapping[FactKind, str]] = {
    "webhook-schemes": "webhooks",
    "rate-limits": "rate_limit",
    "oauth-endpoints": "credentials",
}
"""The setting of a connector that each kind of facts fills."""
_RESOURCES: Final = "# 4. Resources"
_RATE_LIMITED: Final = "crm.contacts.list.rate_limited.json"
_CREDENTIALS: Final = "credentials: bearer\n"


def fill_skeleton(text: str, name: str) -> str:
    """Return the skeleton of a connector.yaml with what is known about the vendor with this name, and its source."""
    known = find_known(name)
    parts = []
    if "rate-limits" in known:
        entry = known["rate-limits"]
        parts.append(
            _write_part("rate limit", entry, {"rate_limit": entry["rate_limit"]} if entry["rate_limit"] else {})
        )
    if "webhook-schemes" in known:
        entry = known["webhook-schemes"]
        keys = {"fields": list_fields(entry), "webhooks": entry["webhooks"]}
        parts.append(_write_part("webhooks", entry, {key: value for key, value in keys.items() if value}))
    if "oauth-endpoints" in known:
        variable = name.upper().replace("-", "_")
        text = text.replace(
            _CREDENTIALS,
            f"#    With the OAuth endpoints of {known['oauth-endpoints']['label']}, which are known:\n"
            f"#    credentials: {{ format: oauth2, vendor: {name}, "
            f'client_id: "{{{{env.{variable}_CLIENT_ID}}}}", client_secret: "{{{{env.{variable}_CLIENT_SECRET}}}}" }}\n'
            f"{_CREDENTIALS}",
        )
    return text.replace(_RESOURCES, "".join(f"{part}\n" for part in parts) + _RESOURCES)


def is_sample_left_out(file: str, name: str) -> bool:
    """Return whether a file of the skeleton does not fit a vendor with this name: its reached limit has the standard
    headers, and the vendor reports it differently."""
    return file == _RATE_LIMITED and bool(find_known(name).get("rate-limits", {}).get("rate_limit"))


def _write_part(what: str, entry: Mapping[str, Any], keys: Mapping[str, Any]) -> str:
    from conn_engine.documents import dump_yaml

    source = f"# The {what} of {entry['label']}, {BASIS[entry['basis']]}.\n"
    link = f"# {entry['docs_url']}\n" if "docs_url" in entry else ""
    usual = "# A reached limit is status 429, and the wait is in the standard headers, so nothing needs to be set.\n"
    return source + link + (dump_yaml(keys) if keys else usual)


def list_fields(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the credential fields that an account needs for a webhook scheme: secrets, and the value that identifies
    it."""
    fields = [
        {"name": name, "label": _label(name), "secret": True, "required": False} for name in entry.get("secrets", ())
    ]
    routing = entry["webhooks"].get("account")
    if routing is not None:
        fields.append({"name": routing["context"], "label": _label(routing["context"]), "required": False})
    return fields


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()


def describe_settings(name: str) -> Iterator[str]:
    """Yield what is known about the vendor with this name, and where it is written."""
    known = find_known(name)
    filled = [SETTINGS[kind] for kind in known if kind != "oauth-endpoints"]
    if filled:
        label = next(iter(known.values()))["label"]
        yield f"filled in {' and '.join(sorted(filled))} of {label}: test them with a real response and delivery"
    if "oauth-endpoints" in known:
        yield f"its OAuth endpoints are known: credentials: {{ format: oauth2, vendor: {name}, … }}"
    imports = find_imports(name)
    if "airbyte" in imports:
        manifest = f"airbyte-integrations/connectors/source-{imports['airbyte']}/manifest.yaml of airbytehq/airbyte"
        yield f"a public manifest describes it ({manifest}): conn new {name} --force --from manifest.yaml"
    if "nango" in imports:
        entries = f"an entry of packages/providers/providers.yaml of NangoHQ/nango describes it, {imports['nango']}"
        yield f"{entries}: conn new {name} --force --from providers.yaml --entry {imports['nango']}"


def suggest_near(name: str, bundled: Sequence[str]) -> str:
    """Return the bundled connector with a similar name as a command, or ""."""
    from conn_engine.diagnostics import find_match

    near, _ = find_match(name.lower(), bundled)
    return f"did you mean the bundled {near}? conn new {near}" if near else ""
