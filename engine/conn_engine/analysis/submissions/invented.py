"""Decide whether an email address or a phone number in a recording is an invented one."""

import re
from collections.abc import Iterable

from conn_engine.personal.shapes import find_digits

__all__ = ["is_invented_email", "is_invented_phone"]

_RESERVED = re.compile(r"(?:^|\.)(?:example\.(?:com|net|org|edu)|example|test|invalid|localhost)$", re.IGNORECASE)
_FICTION = re.compile(r"555|7946|7700900|(\d\d)\1\1|(\d)\2(\d)\3(\d)\4|(\d)\5\5\5")
_ASCENDING = "01234567890"
_RUN = 5
_FEWEST_DIGITS = 8
_LONGEST_NAME = 24


def is_invented_email(address: str, vendor_hosts: Iterable[str]) -> bool:
    """Return whether an address is on a domain that is reserved for examples (RFC 2606, RFC 6761), or is an identifier
    that the vendor writes as an address: below the vendor's own domain, or on it with a digit or too long for a
    name."""
    local, _, domain = address.lower().rpartition("@")
    if _RESERVED.search(domain):
        return True
    identifier = len(local) > _LONGEST_NAME or any(character.isdecimal() for character in local)
    labels = domain.split(".")
    is_vendors = any(labels[-2:] == host.partition(":")[0].lower().split(".")[-2:] for host in vendor_hosts)
    return is_vendors and (identifier or len(labels) > len(("vendor", "com")))


def is_invented_phone(number: str) -> bool:
    """Return whether a phone number looks invented: in a range for fiction (555, 7946 0, 7700 900), or with digits that
    ascend or repeat."""
    digits = find_digits(number)
    if _FICTION.search(digits) or len(digits) < _FEWEST_DIGITS:
        return True
    return any(_ASCENDING[start : start + _RUN] in digits for start in range(len(_ASCENDING) - _RUN + 1))
