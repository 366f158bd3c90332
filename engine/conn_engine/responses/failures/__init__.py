"""Errors of a vendor: the rules that detect them, and the actions that follow. Authors write `Rule`."""

from conn_engine.responses.failures.attempts import Policy, attempt
from conn_engine.responses.failures.classification import LimitState, ResponseClassification, classify, default_kind
from conn_engine.responses.failures.graphql import GRAPHQL_RULES, graphql_rules
from conn_engine.responses.failures.message import find_vendor_message
from conn_engine.responses.failures.rules import (
    DEFAULT_RULES,
    Fail,
    RateLimited,
    RestartAction,
    Retry,
    Rule,
    Then,
    Waits,
    restart_key,
)

__all__ = [
    "DEFAULT_RULES",
    "GRAPHQL_RULES",
    "Fail",
    "LimitState",
    "Policy",
    "RateLimited",
    "ResponseClassification",
    "RestartAction",
    "Retry",
    "Rule",
    "Then",
    "Waits",
    "attempt",
    "classify",
    "default_kind",
    "find_vendor_message",
    "graphql_rules",
    "restart_key",
]
