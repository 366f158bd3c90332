"""How long to wait, from what an answer says: values in headers and bodies, moments, times of day. Error rules and
rate limits are settings over this; waiting itself is the driver's."""

from conn_engine.responses.waits.moments import Unit, http_date, numeric, seconds_from_now
from conn_engine.responses.waits.source import Value, ValueLocation, longest, read_value, vendor_clock, wait

__all__ = [
    "Unit",
    "Value",
    "ValueLocation",
    "http_date",
    "longest",
    "numeric",
    "read_value",
    "seconds_from_now",
    "vendor_clock",
    "wait",
]
