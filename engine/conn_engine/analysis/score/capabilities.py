"""What a connector can do, in the words that `conn catalogue` searches."""

from collections.abc import Iterator
from typing import Any

from conn_engine.analysis.score.evidence import ReplayedCases
from conn_engine.config import Effective

__all__ = ["find_capabilities", "name_logins"]


def find_capabilities(effective: Effective, replayed: ReplayedCases) -> list[str]:
    """Return the capabilities, such as `webhooks`, `incremental` or `oauth`, sorted."""
    return sorted(set(_find(effective, replayed)))


def _find(effective: Effective, replayed: ReplayedCases) -> Iterator[str]:
    operations = list(effective.vendor_operations())
    if effective.webhooks is not None:
        yield "webhooks"
        if effective.webhooks.subscription is not None:
            yield "subscription"
    if replayed.changed or any(operation.incremental is not None for operation in operations):
        yield "incremental"
    if replayed.deleted:
        yield "deletes"
    if any(operation.rate_limit is not None for operation in operations):
        yield "rate_limit"
    if any(operation.body_format == "graphql" for operation in operations):
        yield "graphql"
    if any(operation.name == "describe" for operation in operations):
        yield "custom_fields"
    yield from name_logins(effective.data.get("credentials"))


def name_logins(credentials: Any) -> Iterator[str]:
    """Yield the kinds of the credentials in canonical data: of each option, where an account chooses."""
    if not isinstance(credentials, dict):
        return
    kind, settings = credentials.get("format"), credentials.get("config")
    options = settings.get("options") if isinstance(settings, dict) else None
    if isinstance(options, dict):
        for option in options.values():
            yield from name_logins(option)
    elif isinstance(kind, str):
        yield kind
        if kind.startswith("oauth2"):
            yield "oauth"
