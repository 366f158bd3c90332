"""Decide whether a value in a recording belongs to nobody: an email address, a phone number or an account number."""

import re
from collections.abc import Iterable, Mapping

from conn_engine.personal.shapes import count_country_digits, find_digits
from conn_engine.personal.values import PersonalKind

__all__ = ["HOW_TO_INVENT", "is_invented", "is_invented_email", "is_invented_phone", "make_phone_fictional"]

HOW_TO_INVENT: Mapping[PersonalKind, str] = {
    "email": "an address at example.com or .example",
    "phone": "a number with 555, such as +1 555 010 0123",
    "iban": "an account number with a wrong checksum, or none",
}
"""The kinds of values that `is_invented` judges, and a value of each that belongs to nobody."""

_RESERVED = re.compile(r"(?:^|\.)(?:example\.(?:com|net|org|edu)|example|test|invalid|localhost)$", re.IGNORECASE)
_FICTIONAL_DIGITS = "555"
_FICTION = re.compile(rf"{_FICTIONAL_DIGITS}|7946|7700900|(\d\d)\1\1|(\d)\2(\d)\3(\d)\4|(\d)\5\5\5")
_ASCENDING = "01234567890"
_RUN = 5
_FEWEST_DIGITS = 8
_AREA_DIGITS = 3
_LONGEST_NAME = 24


def is_invented(kind: PersonalKind, value: str, vendor_hosts: Iterable[str] = ()) -> bool:
    """Return whether a value belongs to nobody. An account number with a valid checksum (`iban`) may belong to
    somebody; values of other kinds cannot be judged by their form."""
    if kind == "email":
        return is_invented_email(value, vendor_hosts)
    if kind == "phone":
        return is_invented_phone(value)
    return kind != "iban"


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


def make_phone_fictional(number: str) -> str:
    """Return a phone number that looks invented: with 555 after its area code, unless it already does."""
    if is_invented_phone(number):
        return number
    digits = find_digits(number)
    start = count_country_digits(number, digits)
    start += len(digits[start:]) - len(digits[start:].lstrip("0")) + _AREA_DIGITS
    start = min(start, len(digits) - len(_FICTIONAL_DIGITS))
    fictional = iter(digits[:start] + _FICTIONAL_DIGITS + digits[start + len(_FICTIONAL_DIGITS) :])
    return "".join(next(fictional) if character.isdecimal() else character for character in number)
