"""Rate limits: what a vendor's answer says of them, in one form, and budgets of our own. Whether to wait is the
caller's decision."""

from conn_engine.responses.ratelimit.budgets import Budgets, Charge
from conn_engine.responses.ratelimit.quota import Quota
from conn_engine.responses.ratelimit.reading import RateState, read
from conn_engine.responses.ratelimit.settings import Budget, QuotaSettings, RateLimit

__all__ = ["Budget", "Budgets", "Charge", "Quota", "QuotaSettings", "RateLimit", "RateState", "read"]
