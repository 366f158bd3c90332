"""How long to wait, from the values in headers and bodies, times, and times of day. Error rules and rate limits use it
in their settings; the driver waits."""

from conn_engine.responses.waits.time_values import Unit, parse_http_date, seconds_from_now, to_number
from conn_engine.responses.waits.value_location import (
    Value,
    ValueLocation,
    find_longest_wait,
    read_value,
    read_vendor_time,
    read_wait,
)

__all__ = [
    "Unit",
    "Value",
    "ValueLocation",
    "find_longest_wait",
    "parse_http_date",
    "read_value",
    "read_vendor_time",
    "read_wait",
    "seconds_from_now",
    "to_number",
]
