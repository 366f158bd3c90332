"""Rules over how credentials get into requests: what `authorization` reads is there, and somebody carries them."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from conn_engine.auth import PathAuthorization, Several
from conn_engine.config import MISSING, Path_, VendorOperation, lookup
from conn_engine.diagnostics import Diagnostic, diagnostic, did_you_mean
from conn_engine.documents import format_path
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
_OTHERWISE = frozenset({"none", "mtls", "choice"})
"""Credentials of which it cannot be said: a client certificate goes with every connection."""
_BY_ENDPOINT = frozenset({"oauth2_client_credentials", "oauth2_password"})
"""Credentials whose tokens all come from a token endpoint."""
_KNOWN_LATER = frozenset({"env", "context", "request"})
"""What stands below these, or below a name that is stored (`session.csrf`), a sample does not show."""


def check_authorization_names(target: "LintTarget") -> Iterator[Diagnostic]:
    """EXP103: `authorization` needs what the stored credential does not have."""
    checked = set()
    for operation in target.effective.vendor_operations():
        path = operation.get_path("authorization")
        if path in checked:
            continue
        checked.add(path)
        stored = operation.credentials.sample()
        lacking = _find_missing_name(operation, stored, target.effective.context)
        if lacking is None:
            continue
        known = [name for name in stored if not name.startswith("_")]
        named = f'nothing is called "{lacking}" here' if lacking else "the credential has no token"
        there = f"the credential has {', '.join(known)}" if known else "say with `credentials` what an account stores"
        yield diagnostic(
            "EXP103",
            f"{named}: `authorization` reads the stored credential",
            target.effective.span(path),
            path=format_path(path),
            hint=did_you_mean(lacking, known) or there,
        )


def _find_missing_name(operation: VendorOperation, stored: Mapping[str, Any], context: Mapping[str, Any]) -> str | None:
    """The name that a request could not be authorised without; empty for the usual token, None when nothing lacks."""
    env = {"env": {}, "context": dict(context)}
    draft = Draft(operation.method.upper(), "https://api.example.com/", body={}, body_format=operation.body_format)
    try:
        operation.authorization.apply(draft, Scope({**stored, **env}))
    except CredentialError as error:
        found = _NAME.search(error.message)
        if found is None:
            return "" if "has no token" in error.message else None
        return found[1] if found[1] not in _KNOWN_LATER and found[1] not in stored else None
    except ConnError:
        return None  # what only a real request or a real account shows
    return None


def check_credential_is_sent(target: "LintTarget") -> Iterator[Diagnostic]:
    """SEC103: an account stores a credential, and nothing says how a request carries it."""
    effective = target.effective
    said = effective.data.get("credentials") or {}
    if not isinstance(said, Mapping) or said.get("format", "none") in _OTHERWISE:
        return
    operations = list(effective.vendor_operations())
    places = {operation.get_path(key) for operation in operations for key in ("authorization", "signature")}
    if operations and all(lookup(effective.data, place) in (MISSING, None) for place in places):
        yield diagnostic(
            "SEC103",
            "an account's credential is stored, and no request carries it",
            effective.span(("credentials",)),
            path="credentials",
            hint="say how: `authorization: { format: bearer }`, or header, query, basic …",
        )


def check_path_has_placeholder(target: "LintTarget") -> Iterator[Diagnostic]:
    """SEC104: a credential belongs into the path, and an operation's has no place for it."""
    for operation in target.effective.vendor_operations():
        url = _TEMPLATE.sub("", f"{operation.base_url}/{operation.path}")
        for name in (one.name for one in _find_path_authorizations(operation.authorization)):
            if f"{{{name}}}" not in url:
                at = (*operation.place, "path")
                yield diagnostic(
                    "SEC104",
                    f"the path of {operation.text} has no {{{name}}} for the credential to stand in",
                    target.effective.span(at),
                    path=format_path(at),
                    hint=f"write /{{{name}}}/… where the vendor takes it, or `authorization: {{format: none}}`",
                )


def check_path_part_is_required(target: "LintTarget") -> Iterator[Diagnostic]:
    """SEC105: a part of the credential that may be left out stands in the path, which cannot go without it."""
    checked = set()
    for operation in target.effective.vendor_operations():
        at = operation.get_path("authorization")
        optional = {part.name for part in operation.credentials.fields() if not part.required}
        read = {name for one in _find_path_authorizations(operation.authorization) for name in _NAME.findall(one.value)}
        if at in checked or not optional & read:
            continue
        checked.add(at)
        name = sorted(optional & read)[0]
        yield diagnostic(
            "SEC105",
            f'an account may leave out "{name}", and the path of {operation.text} cannot go without it',
            target.effective.span(at),
            path=format_path(at),
            hint="say `required: true`, or choose: `authorization: {format: choice}`",
        )


def find_unobtainable_tokens(target: "LintTarget") -> Iterator[Diagnostic]:
    """SEC106: a token comes from a token endpoint, and `credentials` does not name one."""
    for path, credentials in _iterate_options(target.effective.data.get("credentials"), ("credentials",)):
        config = credentials.get("config") or {}
        if credentials.get("format") in _BY_ENDPOINT and not (config.get("token_url") or config.get("request")):
            yield diagnostic(
                "SEC106",
                "`credentials` has no `token_url`, so no account can get a token",
                target.effective.span(path),
                path=format_path(path),
                hint="add the vendor's token endpoint under `config`: `token_url: https://auth.example.com/token`",
            )


def _iterate_options(credentials: Any, path: Path_) -> Iterator[tuple[Path_, Mapping[str, Any]]]:
    """Credentials with their place, and below those that they are made of."""
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
    """What certainly goes into the path; what a choice does is the account's affair."""
    if isinstance(authorization, PathAuthorization):
        yield authorization
    elif isinstance(authorization, Several):
        for one in authorization.all:
            yield from _find_path_authorizations(one)
