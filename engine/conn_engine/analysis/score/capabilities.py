"""What a connector can do, in the words that `conn catalogue` searches."""

from collections.abc import Iterator

from conn_engine.analysis.score.evidence import ReplayedCases
from conn_engine.auth import Credentials
from conn_engine.auth.credentials import Choice
from conn_engine.config import Effective

__all__ = ["find_capabilities"]


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
    if any(name.action == "deleted" for name, _ in effective.events):
        yield "deletes"
    if any(operation.rate_limit is not None for operation in operations):
        yield "rate_limit"
    if any(operation.body_format == "graphql" for operation in operations):
        yield "graphql"
    if any(operation.name == "describe" for operation in operations):
        yield "custom_fields"
    yield from _name_logins(effective.connector.credentials)


def _name_logins(credentials: Credentials | None) -> Iterator[str]:
    if isinstance(credentials, Choice):
        for option in credentials.options.values():
            yield from _name_logins(option)
    elif credentials is not None:
        tag = str(credentials.__struct_config__.tag)
        yield tag
        if tag.startswith("oauth"):
            yield "oauth"
