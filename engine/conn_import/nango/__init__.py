"""Provider entries of Nango's `providers.yaml`: where a vendor is and how an account connects, without operations.

An entry makes a connector that has its base URL, fields, credentials, headers, rate limits and the call that proves a
credential; the other operations are the author's. Whatever of an entry nothing here asks for is listed.
"""

from collections.abc import Callable
from typing import Any

from conn_import.contract import Finished, Options
from conn_import.nango import keys as by_key
from conn_import.nango import oauth, sessions
from conn_import.nango.carrying import read_carrying
from conn_import.nango.entries import Entry, keys, recognises, select
from conn_import.nango.making import PLACEHOLDER, Making, answer_path, read_settings, settle_fields
from conn_import.nango.names import Names
from conn_import.nango.places import Url, find_hosts, read_base_url
from conn_import.nango.traffic import finished, read_pages, read_verification, read_waits
from conn_import.openapi.security import variable_prefix
from conn_import.words import plain

__all__ = ["LABEL", "keys", "read", "recognises"]

LABEL = "Nango provider entry"
_SCRIPTS = (
    "post_connection_script", "credentials_verification_script", "pre_connection_deletion_script",
)  # fmt: skip


def read(data: Any, options: Options) -> Finished:
    """The connector of one entry. Raises UsageError when there are several and `options.entry` chooses none."""
    entry = select(data, options.entry)
    making = Making(entry, Names(), variable_prefix(options.name))
    title = plain(entry.text("display_name"), 80) or entry.key or options.name
    urls = _urls(entry)  # before anything is taken: as they are written
    mode = _mode(making)
    _captured(making)
    read_settings(making)
    default = _default(making, mode)
    base = read_base_url(making, options.base_url, urls)
    making.names.base_path = "" if "{{" in base.partition("://")[2].partition("/")[2] else _path(base)
    read_carrying(making, default)
    read_waits(making)
    read_pages(making)
    checks = read_verification(making, title)
    _scripts(making)
    return finished(making, LABEL, _connector(making, options, title, base, urls), checks)


def _mode(making: Making) -> str:
    entry = making.entry
    mode = entry.text("auth_mode")
    entry.take("alias")
    if entry.missing:
        base = plain(entry.missing, 60)
        making.losses.add(f"what {base} says: the entry is an alias of it, and the document does not have it")
    return mode or ("NONE" if not entry.missing else "")


def _urls(entry: Entry) -> list[str]:
    """The URLs that a credential goes to, as they are written."""
    found = [entry.peek("token_url"), entry.peek("refresh_url"), entry.peek("request_url")]
    for url in list(found):
        if isinstance(url, dict):
            found += url.values()
    steps = entry.peek("additional_steps")
    found += [row.get("token_url") for row in steps if isinstance(row, dict)] if isinstance(steps, list) else []
    return [url for url in found if isinstance(url, str) and url]


def _path(base: str) -> str:
    return "/" + base.partition("://")[2].partition("/")[2] if base.partition("://")[2].partition("/")[2] else ""


def _default(making: Making, mode: str) -> dict[str, Any] | None:
    """Make the credentials; how requests carry them where no header of the entry says so."""
    if mode in _MODES:
        return _MODES[mode](making)
    if mode in _SILENT:
        _SILENT[mode](making)
        return None
    if mode:
        making.losses.add(f"the auth_mode {plain(mode, 40)}: set `credentials` and `authorization` by hand")
    making.credentials = making.kind("none", {})
    return None


def _captured(making: Making) -> None:
    """What the log-in finds out: of the token's answer, and of the address that a person comes back with."""
    plugin = making.entry.peek("auth_mode") == "INSTALL_PLUGIN"
    for key, place in (("token_response_metadata", "response"), ("redirect_uri_metadata", "callback")):
        if plugin and place == "callback":
            continue
        for path in making.entry.texts(key):
            name = path.rpartition(".")[2]
            making.capture[making.names.add_context(name)] = answer_path(path, place)


def _scripts(making: Making) -> None:
    if script := making.entry.text("webhook_routing_script"):
        bare = script.startswith("unauthenticated")
        what = (
            "what its webhooks hold, which nothing proves"
            if bare
            else "how its webhooks are proved, and what they hold"
        )
        making.losses.add(f"{what}: a script says it", plain(script, 80))
    for key in _SCRIPTS:
        if script := making.entry.text(key):
            making.losses.add(
                f"the script that does its {key.removesuffix('_script').replace('_', ' ')}", plain(script, 80)
            )


def _consented(making: Making) -> dict[str, Any]:
    oauth.consented(making)
    return oauth.BEARER


def _for_the_client(making: Making) -> dict[str, Any]:
    oauth.for_the_client(making)
    return oauth.BEARER


def _of_a_server(making: Making) -> dict[str, Any]:
    """MCP_OAUTH2: a log-in of OAuth 2 whose client may be registered by the program itself."""
    entry = making.entry
    dynamic = entry.text("client_registration") == "dynamic" or bool(entry.peek("registration_url"))
    if dynamic:
        where = entry.text("registration_url")
        entry.take("registration_params")
        making.losses.add(
            "the dynamic registration of a client: register one, its id comes from the environment", where
        )
    oauth.consented(making, registered=not dynamic)
    return oauth.BEARER


def _of_any_server(making: Making) -> dict[str, Any]:
    making.losses.add("finding the server's authorization and registering a client there: an account has a token")
    making.names.token = "token"  # noqa: S105
    making.credentials = making.kind("bearer", {})
    return {"format": "bearer", "config": {"path": "token"}}


def _two_step(making: Making) -> dict[str, Any]:
    sessions.two_step(making)
    return sessions.BEARER


def _bill(making: Making) -> dict[str, Any]:
    sessions.bill(making)
    key = making.names.secrets["devKey"]
    headers = {"sessionId": "{{session.access_token}}", "devKey": f"{{{{{key}}}}}"}
    return {"format": "header", "config": {"headers": headers}}


def _jwt(making: Making) -> dict[str, Any]:
    by_key.jwt(making)
    return oauth.BEARER


def _app(making: Making) -> dict[str, Any]:
    by_key.app(making)
    return oauth.BEARER


def _custom(making: Making) -> dict[str, Any]:
    by_key.custom(making)
    return oauth.BEARER


def _connector(making: Making, options: Options, title: str, base: str, urls: list[str]) -> dict[str, Any]:
    """The connector but for its operations."""
    entry = making.entry
    data: dict[str, Any] = {"name": options.name, "label": title}
    if categories := [plain(one, 40) for one in entry.texts("categories")]:
        making.notes["label",] = ", ".join(categories)
    further = [plain(url, 150) for url in (entry.text("docs_connect"), entry.text("setup_guide_url")) if url]
    if docs := entry.text("docs"):
        data["docs_url"] = docs
        if further:
            making.notes["docs_url",] = f"and {' '.join(further)}"
    data["base_url"] = base
    settle_fields(making)
    if making.fields:
        data["fields"] = making.fields
    told: list[Url] = []
    if options.base_url:
        told = [(base, base)]
    elif base != PLACEHOLDER:
        told = [(entry.text("proxy", "base_url") or base, base)]
    told += [(url, making.url(url, "a URL") or url) for url in urls]
    if hosts := find_hosts(making, told):
        data["hosts"] = hosts
    data["credentials"] = making.credentials or {"format": "none"}
    data["authorization"] = making.authorization or {"format": "none"}
    if making.signature is not None:
        data["signature"] = making.signature
    return data | making.settings


_MODES: dict[str, Callable[[Making], dict[str, Any] | None]] = {
    "APP": _app,
    "BASIC": by_key.basic,
    "BILL": _bill,
    "CUSTOM": _custom,
    "INSTALL_PLUGIN": by_key.plugin,
    "JWT": _jwt,
    "MCP_OAUTH2": _of_a_server,
    "MCP_OAUTH2_GENERIC": _of_any_server,
    "OAUTH2": _consented,
    "OAUTH2_CC": _for_the_client,
    "TWO_STEP": _two_step,
}
"""What makes `credentials` of an entry, by its auth_mode; it returns the authorization that the mode has by itself."""

_SILENT: dict[str, Callable[[Making], None]] = {
    "API_KEY": by_key.api_key,
    "AWS_SIGV4": by_key.aws,
    "NONE": by_key.nothing,
    "OAUTH1": oauth.oauth1,
    "SIGNATURE": by_key.wsse,
    "TBA": by_key.token_based,
}
"""The modes without an authorization of their own: the entry's headers are it, or a signature."""
