"""Mistakes in where a connector sends its credential and signature, and in the hosts that may receive them."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

import msgspec

from conn_engine.analysis.mutants.edits import DROPPED, change_template, narrow_glob
from conn_engine.analysis.mutants.rows import Change, Row, mutate_expression
from conn_engine.auth import Authorization, Bearer
from conn_engine.config import Path_
from conn_engine.config.inheritance import follows_credentials
from conn_engine.config.operations import find_implied_authorization
from conn_engine.roles import read_roles

__all__ = ["mutate_credentials", "mutate_hosts"]

_KIND: Final = "authorization"
_UNTRIED: Final = frozenset({"default", "encoding"})
_OTHER_PLACES: Final = {"header": "query", "cookie": "header", "query": "header"}
_DEFAULTS: Final = {
    str(model.__struct_config__.tag): {
        field.name: field.default for field in msgspec.structs.fields(model) if isinstance(field.default, str)
    }
    for model in get_args(Authorization)
}
_ROLES: Final = {
    str(model.__struct_config__.tag): {key: note.role for _, key, note in read_roles(model)}
    for model in get_args(Authorization)
}


def mutate_credentials(path: Path_, holder: Mapping[str, Any]) -> Iterator[Row]:
    """Yield mistakes in the `authorization` and the `signature` of a connector, a resource or an operation, and in the
    authorization that follows from the credentials of a connector."""
    authorization, signature = holder.get("authorization"), holder.get("signature")
    if not path and follows_credentials(holder):
        authorization = {"format": find_implied_authorization(holder).__struct_config__.tag}
    if isinstance(authorization, Mapping):
        yield from _mutate_authorization((*path, "authorization"), authorization)
    if isinstance(signature, Mapping) and signature.get("format") != "none":
        yield _KIND, "no signature", Change((*path, "signature"), {"format": "none"}), 0
        for key in ("headers", "query"):
            yield from _rename_each((*path, "signature", "config", key), (signature.get("config") or {}).get(key), key)


def mutate_hosts(hosts: Any) -> Iterator[Row]:
    """Yield mistakes in `hosts`: a removed pattern, and one that matches less."""
    for index, pattern in enumerate(hosts if isinstance(hosts, list) else ()):
        yield "host", f"host {pattern} dropped", Change(("hosts", index), DROPPED), index
        if "*" in pattern:
            other = narrow_glob(pattern)
            yield "host", f"host {pattern} -> {other}", Change(("hosts", index), other), index


def _mutate_authorization(path: Path_, settings: Mapping[str, Any]) -> Iterator[Row]:
    name, config = settings.get("format"), settings.get("config") or {}
    if name == "none":
        return
    yield _KIND, "no authorization", Change(path, {"format": "none"}), 0
    if moved := _move(name, config):
        yield _KIND, f"{name} -> {moved['format']}", Change(path, moved), 0
    if name == "several":
        for index, authorization in enumerate(config.get("all") or []):
            yield from _mutate_authorization((*path, "config", "all", index), authorization)
    for option, authorization in (config.get("options") or {}).items():
        yield from _mutate_authorization((*path, "config", "options", option), authorization)
    headers = config.get("headers") or {}
    yield from _rename_each((*path, "config", "headers"), headers, "headers")
    for header, template in headers.items():
        for offset, text, other in _template_texts(template) if "{{" in template else ():
            yield _KIND, f"{header}: {text}", Change((*path, "config", "headers", header), other), offset
    defaults = {} if headers and "name" not in config else _DEFAULTS.get(str(name), {})
    for key, value in {**defaults, **config}.items():
        if isinstance(value, str) and key not in _UNTRIED:
            for offset, text, other in _other_texts(str(name), key, value):
                yield _KIND, f"{key}: {text}", Change(path, {**settings, "config": {**config, key: other}}), offset


def _other_texts(name: str, key: str, value: str) -> Iterator[tuple[int, str, str]]:
    """Yield different values of a format's setting: the offset, a description, and the value."""
    role = _ROLES.get(name, {}).get(key)
    rows = [(row[3], row[1], row[2].value) for row in mutate_expression((), value)] if role == "expression" else []
    yield from rows or _template_texts(value)


def _template_texts(value: str) -> Iterator[tuple[int, str, str]]:
    for offset, old, new, changed in change_template(value):
        yield offset, f"{old} -> {new}", changed


def _move(name: Any, config: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the authorization with the credential in another part of the request, such as the query instead of a
    header, or None."""
    if name == "bearer":
        path = config.get("path") or f"[{', '.join(Bearer.usual_paths)}][0]"
        return {"format": "query", "config": {"name": "access_token", "value": f"{{{{{path}}}}}"}}
    if name not in _OTHER_PLACES or config.get("name") is None or config.get("headers"):
        return None
    value = config.get("value") or _DEFAULTS[name]["value"]
    return {"format": _OTHER_PLACES[name], "config": {"name": config["name"], "value": value}}


def _rename_each(path: Path_, values: Any, label: str) -> Iterator[Row]:
    """Rename each header or parameter."""
    for name in values if isinstance(values, Mapping) else ():
        other = {f"{key}_x" if key == name else key: value for key, value in values.items()}
        yield _KIND, f"{label}: {name} -> {name}_x", Change(path, other), 0
