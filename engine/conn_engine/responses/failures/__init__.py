"""Errors of a vendor: the rules that tell them, and what is done about them. `Rule` is what an author
writes."""

from conn_engine.responses.failures.attempts import Policy, attempt
from conn_engine.responses.failures.graphql import GRAPHQL_RULES, graphql_rules
from conn_engine.responses.failures.message import vendor_message
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
from conn_engine.responses.failures.verdict import LimitState, ResponseClassification, classify, usual_kind

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
    "graphql_rules",
    "restart_key",
    "usual_kind",
    "vendor_message",
]
