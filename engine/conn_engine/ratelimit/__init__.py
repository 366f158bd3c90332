"""Rate limits: what a vendor's answer says of them, in one form. Whether to wait is the caller's decision."""

from conn_engine.ratelimit.quota import Quota
from conn_engine.ratelimit.reading import RateState, read
from conn_engine.ratelimit.settings import RateLimit, Source, Value, Window

__all__ = ["Quota", "RateLimit", "RateState", "Source", "Value", "Window", "read"]
