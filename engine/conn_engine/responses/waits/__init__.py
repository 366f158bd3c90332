"""How long to wait, from what an answer says: values in headers and bodies, moments, times of day. Error rules and
rate limits are settings over this; waiting itself is the driver's."""

from conn_engine.responses.waits.moments import Unit, http_date, numeric, seconds_from_now
from conn_engine.responses.waits.source import Source, Value, found, longest, vendor_clock, wait

__all__ = [
    "Source",
    "Unit",
    "Value",
    "found",
    "http_date",
    "longest",
    "numeric",
    "seconds_from_now",
    "vendor_clock",
    "wait",
]
