"""Derive variants of an effective configuration: fewer levels, another context, an operation written in a step."""

import copy
from collections.abc import Mapping
from typing import Any

from conn_engine.conditions import Scope
from conn_engine.config import (
    INHERITED_BY_LISTINGS,
    Effective,
    Level,
    Path_,
    StepRequest,
    VendorOperation,
    Verify,
    leaves,
    vendor_operation,
)
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.expressions import render
from conn_engine.urls import split_plain_url

__all__ = [
    "base_url",
    "count_account_overrides",
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
    """Return the configuration with only the levels up to `level`, inclusive. The account's context is unchanged."""
    layers = tuple(layer for layer in effective.layers if _ORDER[layer.level] <= _ORDER[level])
    return effective.with_layers(layers)


def to_base_level(effective: Effective) -> Effective:
    """Return only the base level, without the account's context: the basis of shared recordings and goldens."""
    variant = up_to(effective, "base")
    variant.context = dict(variant.defaults)
    return variant


def in_context(effective: Effective, context: Mapping[str, Any]) -> Effective:
    """Return the configuration with these values merged over the account's context, such as recorded ones. A null
    removes the account's value."""
    if not context:
        return effective
    removed = {name for name, value in context.items() if value is None}
    merged = {**effective.context, **context}
    return effective.in_context({name: value for name, value in merged.items() if name not in removed})


def for_replay(effective: Effective, *bases: str) -> Effective:
    """Return the configuration for a replay, with the hosts of `bases` (the current and the recorded base URL) allowed.

    A recorded next link leads to the recorded host. A replay sends nothing, so this grants no access.
    """
    variant = copy.copy(effective)
    recorded = tuple(split_plain_url(base).netloc for base in bases if split_plain_url(base).netloc)
    variant.__dict__["hosts"] = (*effective.hosts, *recorded)
    variant.__dict__["trusted_hosts"] = (*effective.trusted_hosts, *recorded)
    return variant


def base_url(effective: Effective) -> str:
    """Return the connector's base URL for this account, without a trailing slash."""
    scope = Scope({"context": effective.context}, effective.conditions)
    return str(render(effective.data.get("base_url", ""), scope)).rstrip("/")


def inline_operation(effective: Effective, request: StepRequest) -> VendorOperation:
    """Return the vendor operation of a step that writes its own request. It inherits from the connector."""
    settings: dict[str, Any] = {
        "method": request.method or "get",
        "path": request.path,
        "body_format": request.body_format,
    }
    settings |= {"pagination": {"format": "none"}, **dict.fromkeys(INHERITED_BY_LISTINGS)}
    if request.base_url is not None:
        settings["base_url"] = request.base_url
    data = {**effective.data, "resources": {"step": {"request": settings}}}
    operation = vendor_operation(data, "step", "request", connector=effective.connector_name)
    return effective.choose_credentials(operation)


def verify_operation(effective: Effective) -> VendorOperation | None:
    """Return the operation that verifies a credential, or None if the connector has none."""
    settings = effective.connector.verify
    operation_name = settings.operation if isinstance(settings, Verify) else settings
    if operation_name is None:
        return None
    resource, _, method = operation_name.partition(".")
    try:
        return effective.vendor(resource, method)
    except UsageError as error:  # an unknown operation is the author's fault here, not the caller's
        raise ConfigurationError(f'`verify` is "{operation_name}": {error}') from error


def count_account_overrides(effective: Effective) -> int:
    """Return the number of settings that the account itself overrides, without those of its environment."""
    return sum(1 for layer in effective.layers if layer.level == "account" for _ in leaves(layer.data))


def override_leaves(effective: Effective) -> list[Path_]:
    """Return the paths that the environment or the account sets, in the order in which they are written."""
    paths: dict[Path_, None] = {}
    for layer in effective.layers:
        if layer.level != "base":
            paths.update(dict.fromkeys(path for path, _ in leaves(layer.data)))
    return list(paths)
