"""Rules for conn.yaml and environments that a schema cannot express."""

import re
from collections.abc import Iterator, Sequence

from conn_engine.config import Workspace
from conn_engine.config.corrections import rename_to_match
from conn_engine.config.literals import password_in_url
from conn_engine.config.models import TRUSTED_HOST, fault_of_trusted
from conn_engine.config.proxy_models import fault_of_header
from conn_engine.diagnostics import Diagnostic, diagnostic, did_you_mean
from conn_engine.documents import Document, format_path
from conn_engine.errors import ConnError
from conn_engine.runtime.credential_paths import find_credential_paths, is_credential_path

__all__ = [
    "check_proxy",
    "check_trusted_hosts",
    "find_unknown_connectors",
    "find_unknown_environments",
    "find_workspace_secrets",
]


def find_unknown_connectors(document: Document, names: Sequence[str]) -> Iterator[Diagnostic]:
    """REF101: an environment has settings for an unknown connector, so they have no effect."""
    yield from _find_unknown_names(document, "connectors", names, "the environment has settings for connector")


def check_trusted_hosts(document: Document) -> Iterator[Diagnostic]:
    """CFG104: an entry of `trusted_hosts` is neither a host pattern nor a network."""
    entries = document.data.get("trusted_hosts") if isinstance(document.data, dict) else None
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        if isinstance(entry, str) and re.fullmatch(TRUSTED_HOST, entry) and (fault := fault_of_trusted(entry)):
            place = ("trusted_hosts", index)
            yield diagnostic("CFG104", fault, document.span(place), path=format_path(place))


def check_proxy(workspace: Workspace, document: Document) -> Iterator[Diagnostic]:
    """REF101: `proxy` names an unknown connector. CFG104: a header is never passed on. SRV101: every path is passed on.
    SRV102: a path is never passed on, because the connector gets credentials there."""
    yield from _find_unknown_names(document, "proxy", workspace.connectors(), "conn.yaml has proxy paths for connector")
    proxy = document.data.get("proxy") if isinstance(document.data, dict) else None
    for connector, settings in (proxy or {}).items():
        for index, name in enumerate(settings.get("headers", ())):
            if fault := fault_of_header(name):
                place = ("proxy", connector, "headers", index)
                yield diagnostic("CFG104", fault, document.span(place), path=format_path(place), hint="remove it")
        if connector in workspace.connectors():
            for index, entry in enumerate(settings["paths"]):
                yield from _check_proxy_path(workspace, document, connector, index, entry["path"])


def _check_proxy_path(
    workspace: Workspace, document: Document, connector: str, index: int, path: str
) -> Iterator[Diagnostic]:
    place = ("proxy", connector, "paths", index, "path")
    try:
        endpoints = find_credential_paths(workspace.effective(account=None, connector=connector))
    except ConnError:  # a connector that cannot be used has findings of its own
        endpoints = frozenset()
    if path == "/**":
        yield diagnostic(
            "SRV101",
            f"the proxy passes every path of {connector} on",
            document.span(place),
            path=format_path(place),
            hint="list the paths that callers need, such as /contacts/**",
        )
    elif is_credential_path(path.strip("/").split("/"), endpoints):
        yield diagnostic(
            "SRV102",
            f"the proxy never passes {path} on: {connector} gets credentials there",
            document.span(place),
            path=format_path(place),
            hint="remove the path",
        )


def find_unknown_environments(document: Document, names: Sequence[str]) -> Iterator[Diagnostic]:
    """REF101: conn.yaml has settings for an unknown environment, so they have no effect."""
    yield from _find_unknown_names(document, "environments", names, "conn.yaml has settings for environment")


def find_workspace_secrets(document: Document) -> Iterator[Diagnostic]:
    """SEC101: the URL of the release store contains a password."""
    address = document.data.get("store") if isinstance(document.data, dict) else None
    if isinstance(address, str) and password_in_url(address):
        yield diagnostic(
            "SEC101",
            "the URL in `store` contains a password",
            document.span(("store",)),
            path="store",
            hint="change the password, and set the URL in CONN_STORE, or the password in PGPASSWORD",
        )


def _find_unknown_names(document: Document, key: str, existing: Sequence[str], subject: str) -> Iterator[Diagnostic]:
    names = document.data.get(key) if isinstance(document.data, dict) else None
    for name in names if isinstance(names, dict) else ():
        if name not in existing:
            path = (key, name)
            yield diagnostic(
                "REF101",
                f'{subject} "{name}", which does not exist',
                document.key_span(path),
                path=format_path(path),
                hint=did_you_mean(str(name), existing)
                or (f"use one of: {', '.join(existing[:8])}" if existing else f"delete {key}.{name}"),
                fix=rename_to_match(document, path, existing),
            )
