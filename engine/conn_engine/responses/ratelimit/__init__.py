"""Rate limits: read them from a vendor's response in one form, and keep to our own budgets. The caller decides whether
to wait."""

from conn_engine.responses.ratelimit.budgets import Budgets, BudgetStore, Charge, has_budgets
from conn_engine.responses.ratelimit.quota import Quota
from conn_engine.responses.ratelimit.rate_state import RateState, format_quotas, read_rate_state
from conn_engine.responses.ratelimit.settings import Budget, QuotaSettings, RateLimit

__all__ = [
    "Budget",
    "BudgetStore",
    "Budgets",
    "Charge",
    "Quota",
    "QuotaSettings",
    "RateLimit",
    "RateState",
    "format_quotas",
    "has_budgets",
    "read_rate_state",
]
