"""Variants of an effective configuration: fewer levels, another context, an operation written in a step."""

import copy
from collections.abc import Mapping
from typing import Any

from conn_engine.conditions import Scope
from conn_engine.config import Effective, Level, Path_, StepRequest, VendorOperation, Verify, leaves, vendor_operation
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.expressions import render
from conn_engine.urls import split_plain_url

__all__ = [
    "base_url",
    "for_replay",
    "in_context",
    "inline_operation",
    "override_leaves",
    "to_base_level",
    "up_to",
    "verify_operation",
]

_ORDER = {"base": 0, "environment": 1, "account": 2}


def up_to(effective: Effective, level: Level) -> Effective:
    """The same configuration with only the levels up to and including `level`; the account's context stays."""
    layers = tuple(layer for layer in effective.layers if _ORDER[layer.level] <= _ORDER[level])
    return effective.with_layers(layers)


def to_base_level(effective: Effective) -> Effective:
    """The base level alone, without the account's context: what recordings and goldens of all accounts stand on."""
    variant = up_to(effective, "base")
    variant.context = dict(variant.defaults)
    return variant


def in_context(effective: Effective, context: Mapping[str, Any]) -> Effective:
    """The same configuration with these values laid over the account's context (a replay's recorded ones)."""
    return effective.in_context({**effective.context, **context}) if context else effective


def for_replay(effective: Effective, *bases: str) -> Effective:
    """The same configuration for a replay: the hosts of `bases` (today's base URL, the recorded one) count as its own.

    A recorded next link leads to the recorded host. Nothing is sent in a replay, so nothing is granted by this.
    """
    variant = copy.copy(effective)
    recorded = tuple(split_plain_url(base).netloc for base in bases if split_plain_url(base).netloc)
    variant.__dict__["hosts"] = (*effective.hosts, *recorded)
    variant.__dict__["trusted_hosts"] = (*effective.trusted_hosts, *recorded)
    return variant


def base_url(effective: Effective) -> str:
    """The connector's base URL for this account, without a trailing slash."""
    scope = Scope({"context": effective.context}, effective.conditions)
    return str(render(effective.data.get("base_url", ""), scope)).rstrip("/")


def inline_operation(effective: Effective, request: StepRequest) -> VendorOperation:
    """The vendor operation of a step that writes its request in place; it inherits from the connector."""
    own: dict[str, Any] = {"method": request.method or "get", "path": request.path, "body_format": request.body_format}
    own["pagination"] = {"format": "none"}
    if request.base_url is not None:
        own["base_url"] = request.base_url
    data = {**effective.data, "resources": {"step": {"request": own}}}
    made = vendor_operation(data, "step", "request", connector=effective.connector_name)
    return effective.choose_credentials(made)


def verify_operation(effective: Effective) -> VendorOperation | None:
    """The operation that proves a credential, or None when the connector names none."""
    told = effective.connector.verify
    named = told.operation if isinstance(told, Verify) else told
    if named is None:
        return None
    resource, _, method = named.partition(".")
    try:
        return effective.vendor(resource, method)
    except UsageError as error:  # an unknown operation is the author's fault here, not the caller's
        raise ConfigurationError(f'verify names "{named}": {error}') from error


def override_leaves(effective: Effective) -> list[Path_]:
    """The paths that the environment or the account says something about, in the order they are written."""
    found: dict[Path_, None] = {}
    for layer in effective.layers:
        if layer.level != "base":
            found.update(dict.fromkeys(path for path, _ in leaves(layer.data)))
    return list(found)
