"""Import provider entries of Nango's `providers.yaml`: a vendor's URLs and how an account connects, without operations.

An entry becomes a connector with a base URL, fields, credentials, headers, rate limits and the operation that verifies
a credential. The author adds the other operations. All parts of an entry that are not read are listed.
"""

from collections.abc import Callable
from typing import Any

from conn_import.contract import FinishedConnector, Options
from conn_import.nango import keys as by_key
from conn_import.nango import oauth, sessions
from conn_import.nango.draft import PLACEHOLDER, ConnectorDraft, complete_fields, read_settings, to_answer_path
from conn_import.nango.entries import Entry, list_keys, recognizes, select_entry
from conn_import.nango.hosts import Url, find_hosts, read_base_url
from conn_import.nango.names import Names
from conn_import.nango.proxy import finish, read_pages, read_verification, read_waits
from conn_import.nango.request_values import read_request_values
from conn_import.openapi.security import to_variable_prefix
from conn_import.words import clean_text

__all__ = ["LABEL", "import_document", "list_keys", "recognizes"]

LABEL = "Nango provider entry"
_SCRIPTS = (
    "post_connection_script", "credentials_verification_script", "pre_connection_deletion_script",
)  # fmt: skip


def import_document(data: Any, options: Options) -> FinishedConnector:
    """Return the connector of an entry. Raises UsageError if there are several and `options.entry` selects none."""
    entry = select_entry(data, options.entry)
    draft = ConnectorDraft(entry, Names(), to_variable_prefix(options.name))
    title = clean_text(entry.take_text("display_name"), 80) or entry.key or options.name
    urls = _list_urls(entry)  # as written: the next lines take values out of the entry
    mode = _read_mode(draft)
    _read_captured(draft)
    read_settings(draft)
    default = _build_credentials(draft, mode)
    base = read_base_url(draft, options.base_url, urls)
    draft.names.base_path = "" if "{{" in base.partition("://")[2].partition("/")[2] else _get_path(base)
    read_request_values(draft, default)
    read_waits(draft)
    read_pages(draft)
    checks = read_verification(draft, title)
    _note_scripts(draft)
    return finish(draft, LABEL, _build_data(draft, options, title, base, urls), checks)


def _read_mode(draft: ConnectorDraft) -> str:
    entry = draft.entry
    mode = entry.take_text("auth_mode")
    entry.take("alias")
    if entry.missing:
        base = clean_text(entry.missing, 60)
        draft.losses.add(f"the settings of {base}: the entry is an alias of it, but the document does not contain it")
    return mode or ("NONE" if not entry.missing else "")


def _list_urls(entry: Entry) -> list[str]:
    """List the URLs that receive a credential, as written in the entry."""
    found = [entry.peek("token_url"), entry.peek("refresh_url"), entry.peek("request_url")]
    for url in list(found):
        if isinstance(url, dict):
            found += url.values()
    steps = entry.peek("additional_steps")
    found += [row.get("token_url") for row in steps if isinstance(row, dict)] if isinstance(steps, list) else []
    return [url for url in found if isinstance(url, str) and url]


def _get_path(base: str) -> str:
    return "/" + base.partition("://")[2].partition("/")[2] if base.partition("://")[2].partition("/")[2] else ""


def _build_credentials(draft: ConnectorDraft, mode: str) -> dict[str, Any] | None:
    """Build the credentials, and return how requests send them if no header of the entry does."""
    if mode in _MODES:
        return _MODES[mode](draft)
    if mode in _SILENT:
        _SILENT[mode](draft)
        return None
    if mode:
        draft.losses.add(f"the auth_mode {clean_text(mode, 40)}: set `credentials` and `authorization` yourself")
    draft.credentials = draft.build_credentials("none", {})
    return None


def _read_captured(draft: ConnectorDraft) -> None:
    """Note values that the login returns: in the token response, and in the callback URL."""
    plugin = draft.entry.peek("auth_mode") == "INSTALL_PLUGIN"
    for key, place in (("token_response_metadata", "response"), ("redirect_uri_metadata", "callback")):
        if plugin and place == "callback":
            continue
        for path in draft.entry.take_texts(key):
            name = path.rpartition(".")[2]
            draft.capture[draft.names.add_context(name)] = to_answer_path(path, place)


def _note_scripts(draft: ConnectorDraft) -> None:
    if script := draft.entry.take_text("webhook_routing_script"):
        bare = script.startswith("unauthenticated")
        what = (
            "the events of its webhooks, which are not signed"
            if bare
            else "the verification and the events of its webhooks"
        )
        draft.losses.add(f"{what}: they are in a script", clean_text(script, 80))
    for key in _SCRIPTS:
        if script := draft.entry.take_text(key):
            draft.losses.add(
                f"the script for its {key.removesuffix('_script').replace('_', ' ')}", clean_text(script, 80)
            )


def _read_oauth2(draft: ConnectorDraft) -> dict[str, Any]:
    oauth.read_oauth2(draft)
    return oauth.BEARER


def _read_client_credentials(draft: ConnectorDraft) -> dict[str, Any]:
    oauth.read_client_credentials(draft)
    return oauth.BEARER


def _read_mcp_oauth2(draft: ConnectorDraft) -> dict[str, Any]:
    """Read an MCP_OAUTH2 entry: a login of OAuth 2 whose client may be registered dynamically."""
    entry = draft.entry
    dynamic = entry.take_text("client_registration") == "dynamic" or bool(entry.peek("registration_url"))
    if dynamic:
        where = entry.take_text("registration_url")
        entry.take("registration_params")
        draft.losses.add("dynamic client registration: register a client and set its ID in the environment", where)
    oauth.read_oauth2(draft, registered=not dynamic)
    return oauth.BEARER


def _read_mcp_oauth2_generic(draft: ConnectorDraft) -> dict[str, Any]:
    draft.losses.add("authorization discovery and client registration: an account needs a token")
    draft.names.token = "token"  # noqa: S105
    draft.credentials = draft.build_credentials("bearer", {})
    return {"format": "bearer", "config": {"path": "token"}}


def _read_two_step(draft: ConnectorDraft) -> dict[str, Any]:
    sessions.read_two_step(draft)
    return sessions.BEARER


def _read_bill(draft: ConnectorDraft) -> dict[str, Any]:
    sessions.read_bill(draft)
    key = draft.names.secrets["devKey"]
    headers = {"sessionId": "{{session.access_token}}", "devKey": f"{{{{{key}}}}}"}
    return {"format": "header", "config": {"headers": headers}}


def _read_jwt(draft: ConnectorDraft) -> dict[str, Any]:
    by_key.read_jwt(draft)
    return oauth.BEARER


def _read_app(draft: ConnectorDraft) -> dict[str, Any]:
    by_key.read_app(draft)
    return oauth.BEARER


def _read_custom(draft: ConnectorDraft) -> dict[str, Any]:
    by_key.read_custom(draft)
    return oauth.BEARER


def _build_data(draft: ConnectorDraft, options: Options, title: str, base: str, urls: list[str]) -> dict[str, Any]:
    """Build the connector without its operations."""
    entry = draft.entry
    data: dict[str, Any] = {"label": title}
    if categories := [clean_text(one, 40) for one in entry.take_texts("categories")]:
        draft.notes["label",] = ", ".join(categories)
    further = [
        clean_text(url, 150) for url in (entry.take_text("docs_connect"), entry.take_text("setup_guide_url")) if url
    ]
    if docs := entry.take_text("docs"):
        data["docs_url"] = docs
        if further:
            draft.notes["docs_url",] = f"and {' '.join(further)}"
    data["base_url"] = base
    complete_fields(draft)
    if draft.fields:
        data["fields"] = draft.fields
    urls_with_templates: list[Url] = []
    if options.base_url:
        urls_with_templates = [(base, base)]
    elif base != PLACEHOLDER:
        urls_with_templates = [(entry.take_text("proxy", "base_url") or base, base)]
    urls_with_templates += [(url, draft.fill_url(url, "a URL") or url) for url in urls]
    if hosts := find_hosts(draft, urls_with_templates):
        data["hosts"] = hosts
    data["credentials"] = draft.credentials or {"format": "none"}
    data["authorization"] = draft.authorization or {"format": "none"}
    if draft.signature is not None:
        data["signature"] = draft.signature
    return data | draft.settings


_MODES: dict[str, Callable[[ConnectorDraft], dict[str, Any] | None]] = {
    "APP": _read_app,
    "BASIC": by_key.read_basic,
    "BILL": _read_bill,
    "CUSTOM": _read_custom,
    "INSTALL_PLUGIN": by_key.read_plugin,
    "JWT": _read_jwt,
    "MCP_OAUTH2": _read_mcp_oauth2,
    "MCP_OAUTH2_GENERIC": _read_mcp_oauth2_generic,
    "OAUTH2": _read_oauth2,
    "OAUTH2_CC": _read_client_credentials,
    "TWO_STEP": _read_two_step,
}
"""Functions that build `credentials` by auth_mode. They return the authorization that the mode implies."""

_SILENT: dict[str, Callable[[ConnectorDraft], None]] = {
    "API_KEY": by_key.read_api_key,
    "AWS_SIGV4": by_key.read_aws,
    "NONE": by_key.read_none,
    "OAUTH1": oauth.read_oauth1,
    "SIGNATURE": by_key.read_wsse,
    "TBA": by_key.read_token_based,
}
"""Modes without an authorization of their own: the entry's headers or a signature authorize requests."""
