"""Rules for endpoints: where they put the data of large events, and what those of accounts may do."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from msgspec import convert

from conn_engine.config import Workspace
from conn_engine.config.account_endpoints import find_endpoint_faults
from conn_engine.config.delivery_models import LONGEST_VALIDITY, AccountEndpoint, ClaimCheck
from conn_engine.diagnostics import Diagnostic, diagnostic
from conn_engine.documents import Document, format_path
from conn_engine.listing.incremental.durations import parse_duration
from conn_engine.transport.gateway import is_loopback
from conn_engine.urls import split_plain_url

__all__ = ["check_account_endpoints", "check_claims", "find_endpoint_secrets"]

_SCHEMES = ("s3", "s3a", "gs", "az", "abfs", "abfss", "azure", "file")
_SECRETS = ("secret", "previous_secret")
_Path = tuple[str | int, ...]


def check_claims(document: Document) -> Iterator[Diagnostic]:
    """SYN115: the data of large events cannot be stored as `claim_check` says. SYN116: the receiver cannot read it."""
    endpoints = document.data.get("endpoints") if isinstance(document.data, Mapping) else None
    for name, endpoint in (endpoints or {}).items():
        raw = endpoint.get("claim_check")
        if raw is None:
            continue
        path = ("endpoints", name, "claim_check")
        settings = convert(raw, ClaimCheck)
        yield from _check_settings(document, path, settings)
        if _is_folder(settings.store) and _is_elsewhere(endpoint.get("url", "")):
            yield diagnostic(
                "SYN116",
                f"the data of large events goes to a folder of this machine, and {endpoint['url']} is another one",
                document.span(path),
                path=format_path(path),
                hint="set store to a URL of object storage, such as s3://bucket/events",
            )


def check_account_endpoints(workspace: Workspace, account: str, document: Document) -> Iterator[Diagnostic]:
    """SEC118: an endpoint of an account is on a host, or reads a variable, that conn.yaml does not allow; or there are
    too many."""
    endpoints = convert(document.data.get("endpoints", {}), dict[str, AccountEndpoint])
    for name in endpoints:
        for fault in find_endpoint_faults(workspace.settings, account, endpoints, name):
            path = ("endpoints", name, fault.key) if fault.key else ("endpoints", name)
            yield diagnostic("SEC118", fault.message, document.span(path), path=format_path(path), hint=fault.hint)


def find_endpoint_secrets(document: Document) -> Iterator[Diagnostic]:
    """SEC101: the secret of an endpoint is written in the document."""
    endpoints = document.data.get("endpoints") if isinstance(document.data, Mapping) else None
    for name, endpoint in endpoints.items() if isinstance(endpoints, Mapping) else ():
        for key in _SECRETS:
            text = endpoint.get(key) if isinstance(endpoint, Mapping) else None
            if isinstance(text, str) and "{{" not in text:
                path = ("endpoints", name, key)
                yield diagnostic(
                    "SEC101",
                    f"the {key.replace('_', ' ')} of an endpoint is in the document",
                    document.span(path),
                    path=format_path(path),
                    hint=f'change it, set it as an environment variable, and write {key}: "{{{{env.HOOK_SECRET}}}}"',
                )


def _check_settings(document: Document, path: _Path, settings: ClaimCheck) -> Iterator[Diagnostic]:
    try:
        length, longest = parse_duration(settings.expires).about, parse_duration(LONGEST_VALIDITY).about
        message = "" if timedelta() < length <= longest else f"expires is {settings.expires}, but can be at most P7D"
    except ValueError as error:
        message = f"expires: {error}"
    if message:
        place = (*path, "expires")
        yield diagnostic(
            "SYN115", message, document.span(place), path=format_path(place), hint="write it as PT12H or P1D"
        )
    scheme, separator, _ = settings.store.partition("://")
    if separator and scheme not in _SCHEMES:
        place = (*path, "store")
        yield diagnostic(
            "SYN115",
            f'"{settings.store}" is not object storage',
            document.span(place),
            path=format_path(place),
            hint="use a folder, or a URL that starts with s3://, gs:// or az://",
        )


def _is_folder(store: str) -> bool:
    return "://" not in store or store.startswith("file://")


def _is_elsewhere(url: str) -> bool:
    """Return whether a URL is that of another machine; False if a template decides it."""
    host = split_plain_url(url).hostname or ""
    return bool(host) and "{{" not in url and not is_loopback(host)
