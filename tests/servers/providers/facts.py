"""What an entry declares and what its connector declares, one fact after another."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from providers.corpus import mode

__all__ = ["facts"]

OAUTH = ("OAUTH2", "MCP_OAUTH2")


def facts(entry: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """What the entry and the connector declare: a label, the one, the other."""
    yield "label", entry["display_name"], data["label"]
    told = data["credentials"].get("config", {})
    proxy = entry.get("proxy") or {}
    if mode(entry) in (*OAUTH, "OAUTH2_CC"):
        yield "scope separator", (entry.get("scope_separator") or " "), told.get("scope_separator", " ")
        yield "scopes", entry.get("default_scopes") or [], list(told.get("scopes", []))
        yield "PKCE", not entry.get("disable_pkce", False), told.get("pkce", True)
        how = "basic" if entry.get("token_request_auth_method") == "basic" else "body"
        yield "how the client proves itself", how, told.get("client_authentication", "basic")
        yield "unit of the end", entry.get("expires_in_unit", "seconds"), told.get("expires_unit", "seconds")
        yield "body", entry.get("body_format", "form"), told.get("body_format", "form")
    if isinstance(entry.get("token_url"), str) and "${" not in entry["token_url"]:
        place = urlsplit(entry["token_url"])
        yield "token URL", True, f"https://{place.netloc}{place.path}" in json.dumps(data)
    if (base := proxy.get("base_url")) and "${" not in base:
        yield "base URL", base.rstrip("/"), data["base_url"]
    for name in proxy.get("headers") or {}:
        yield f"header {name}", True, f'"{name}"' in json.dumps(data)
    waits = {
        **dict.fromkeys((proxy.get("retry") or {}).get("at", []), "epoch"),
        **dict.fromkeys((proxy.get("retry") or {}).get("after", []), "seconds"),
    }
    sources = data.get("rate_limit", {}).get("retry_after", [])
    yield "waits", waits, {source["header"]: source["unit"] for source in sources}
    rows = {row["name"]: row for row in data.get("fields", [])}
    captured = set(entry.get("token_response_metadata") or [])
    for name, said in (entry.get("connection_config") or {}).items():
        if name in captured:
            yield f"captured {name}", f"response.{name}", told["capture"][name]
        elif not said.get("secret"):
            yield f"field {name}", True, name in rows
            yield f"choices of {name}", said.get("enum", []), rows[name].get("options", [])
            yield f"default of {name}", said.get("default_value") or None, rows[name].get("default")
            if said.get("pattern", "").startswith("^") and not said.get("enum"):
                yield f"pattern of {name}", said["pattern"].replace("\\/", "/"), rows[name]["pattern"]
    for name, said in (entry.get("credentials") or {}).items():
        if said.get("title") and mode(entry) != "AWS_SIGV4":  # the role is assumed by the platform itself
            yield f"title of {name}", True, said["title"] in json.dumps(data, ensure_ascii=False)
