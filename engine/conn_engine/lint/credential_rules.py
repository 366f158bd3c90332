"""Rules for how a credential is sent: `authorization` reads stored names, and each request can send what it needs."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from conn_engine.auth import NoAuthorization, PathAuthorization, Several
from conn_engine.config import MISSING, Effective, Path_, VendorOperation, format_place, lookup
from conn_engine.diagnostics import Diagnostic, diagnostic, did_you_mean
from conn_engine.errors import ConnError, CredentialError
from conn_engine.settings import Draft, Scope

if TYPE_CHECKING:
    from conn_engine.lint.target import LintTarget

__all__ = [
    "check_authorization_names",
    "check_credential_is_sent",
    "check_path_has_placeholder",
    "check_path_part_is_required",
    "find_unobtainable_tokens",
]

_TEMPLATE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_NAME = re.compile(r"\{\{\s*(\w+)")
_NOT_CHECKED = frozenset({"none", "mtls", "choice"})
"""Credentials that SEC103 does not check: a client certificate, for example, is used for every connection."""
_USUAL = "authorization: { format: bearer } (or basic, header, query)"
_TO_SEND = {
    "api_key": "authorization: { format: header, name: X-API-Key }, with the name of the vendor's header (or query, "
    "bearer, basic)",
    "basic": "authorization: { format: basic }",
    "oauth1": "signature: { format: oauth1 }",
    "session": "authorization: { format: cookie, name: SESSION }, with the name of the vendor's cookie (or header, "
    "bearer)",
}
"""The line that sends a credential, by its format."""
_BY_ENDPOINT = frozenset({"oauth2_client_credentials", "oauth2_password"})
"""Credentials that always get their token from a token endpoint."""
_KNOWN_LATER = frozenset({"env", "context", "request"})
"""Names whose values a sample does not contain; the same holds below a stored name (`session.csrf`)."""


def check_authorization_names(target: "LintTarget") -> Iterator[Diagnostic]:
    """EXP103: `authorization` reads a name that the stored credential does not have."""
    checked = set()
    for operation in target.effective.vendor_operations():
        path = operation.get_path("authorization")
        if path in checked:
            continue
        checked.add(path)
        stored = operation.credentials.sample()
        missing = _find_missing_name(target.effective, operation, stored)
        if missing is None:
            continue
        names = [name for name in stored if not name.startswith("_")]
        subject = f'"{missing}"' if missing else "a token"
        hint = f"use a name of the credential: {', '.join(names)}" if names else "declare the name under `credentials`"
        yield diagnostic(
            "EXP103",
            f"`authorization` reads {subject}, which the stored credential does not have",
            target.effective.span(path),
            path=format_place(path),
            hint=did_you_mean(missing, names) or hint,
        )


def _find_missing_name(effective: Effective, operation: VendorOperation, stored: Mapping[str, Any]) -> str | None:
    """Return the name that a request needs and `stored` lacks: "" for the usual token, None if nothing is missing."""
    scope = Scope({**stored, "env": {}, "context": effective.context}, effective.conditions)
    draft = Draft(
        operation.method.upper(), "https://api.example.com/", body={}, body_format=operation.body_format, scope=scope
    )
    try:
        operation.authorization.apply(draft, scope)
    except CredentialError as error:
        match = _NAME.search(error.message)
        if match is None:
            return "" if "has no token" in error.message else None
        return match[1] if match[1] not in _KNOWN_LATER and match[1] not in stored else None
    except ConnError:
        return None  # can only be checked with a real request or account
    return None


def check_credential_is_sent(target: "LintTarget") -> Iterator[Diagnostic]:
    """SEC103: an account stores a credential, and no request sends it."""
    effective = target.effective
    credentials = effective.data.get("credentials") or {}
    if not isinstance(credentials, Mapping) or credentials.get("format", "none") in _NOT_CHECKED:
        return
    operations = list(effective.vendor_operations())
    if operations and not any(_is_sent(effective, operation) for operation in operations):
        yield diagnostic(
            "SEC103",
            "no request sends the stored credential",
            effective.span(("credentials",)),
            path="credentials",
            hint=f"add {_TO_SEND.get(str(credentials.get('format')), _USUAL)}",
        )


def _is_sent(effective: Effective, operation: VendorOperation) -> bool:
    """Return whether an operation sends the credential, or its author decided that it does not."""
    if operation.follows_credentials:
        return not isinstance(operation.authorization, NoAuthorization)
    places = [operation.get_path(key) for key in ("authorization", "signature")]
    return any(lookup(effective.data, place) not in (MISSING, None) for place in places)


def check_path_has_placeholder(target: "LintTarget") -> Iterator[Diagnostic]:
    """SEC104: the path of an operation has no placeholder for the credential that belongs in it."""
    for operation in target.effective.vendor_operations():
        url = _TEMPLATE.sub("", f"{operation.base_url}/{operation.path}")
        for name in (part.name for part in _find_path_authorizations(operation.authorization)):
            if f"{{{name}}}" not in url:
                path = (*operation.place, "path")
                yield diagnostic(
                    "SEC104",
                    f"the path of {operation.text} has no placeholder {{{name}}} for the credential",
                    target.effective.span(path),
                    path=format_place(path),
                    hint=f"add {{{name}}} to the path, or set `authorization: {{format: none}}` on the operation",
                )


def check_path_part_is_required(target: "LintTarget") -> Iterator[Diagnostic]:
    """SEC105: the path contains an optional part of the credential."""
    checked = set()
    for operation in target.effective.vendor_operations():
        path = operation.get_path("authorization")
        optional = {part.name for part in operation.credentials.fields() if not part.required}
        parts = _find_path_authorizations(operation.authorization)
        names = {name for part in parts for name in _NAME.findall(part.value)}
        if path in checked or not optional & names:
            continue
        checked.add(path)
        name = sorted(optional & names)[0]
        yield diagnostic(
            "SEC105",
            f'the path of {operation.text} needs "{name}", which an account can omit',
            target.effective.span(path),
            path=format_place(path),
            hint=f"set `required: true` for {name}, or use `authorization: {{format: choice}}`",
        )


def find_unobtainable_tokens(target: "LintTarget") -> Iterator[Diagnostic]:
    """SEC106: `credentials` get their token from a token endpoint, and name none."""
    for path, credentials in _iterate_options(target.effective.data.get("credentials"), ("credentials",)):
        config = credentials.get("config") or {}
        if credentials.get("format") in _BY_ENDPOINT and not (config.get("token_url") or config.get("request")):
            yield diagnostic(
                "SEC106",
                "`credentials` has no `token_url`, so no account can get a token",
                target.effective.span(path),
                path=format_place(path),
                hint="add the token endpoint under `config`: `token_url: https://auth.example.com/token`",
            )


def _iterate_options(credentials: Any, path: Path_) -> Iterator[tuple[Path_, Mapping[str, Any]]]:
    """Yield credentials and the credentials that they are composed of, with their paths."""
    if not isinstance(credentials, Mapping):
        return
    yield path, credentials
    config = credentials.get("config") or {}
    if credentials.get("format") == "choice":
        for name, option in config["options"].items():
            yield from _iterate_options(option, (*path, "config", "options", name))
    elif credentials.get("format") == "mtls":
        yield from _iterate_options(config.get("with"), (*path, "config", "with"))


def _find_path_authorizations(authorization: Any) -> Iterator[PathAuthorization]:
    """Yield the authorizations that always use the path; in a `choice`, the account decides."""
    if isinstance(authorization, PathAuthorization):
        yield authorization
    elif isinstance(authorization, Several):
        for part in authorization.all:
            yield from _find_path_authorizations(part)
