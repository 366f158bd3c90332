"""Find personal values by their shape: email addresses, account numbers, phone numbers."""

import re
from collections.abc import Iterator

__all__ = ["EMAIL_DOMAIN", "count_country_digits", "find_digits", "find_emails", "find_shapes", "is_iban"]

EMAIL_DOMAIN = "example.com"
"""The domain of replaced addresses. It is reserved for examples (RFC 2606)."""

_LONGEST_LOCAL_PART = 128
_DOMAIN = re.compile(
    r"@(?:[^\W_](?:[\w-]{0,62}[^\W_])?\.)+(?:[^\W\d_]{2,63}|xn--[a-z0-9-]{2,59})(?![\w-])", re.IGNORECASE
)
_LOCAL = frozenset(".+-_'!#$*^`~{|}")  # characters of the part before the @
_OPENING = "'`.{|"
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,4})?(?![A-Za-z0-9])", re.IGNORECASE
)
_DIGIT = re.compile(r"\d")
_LONGEST_MAILBOX = 100
_MAILBOX = re.compile(r"""(?:"([^"<>@]{2,80})"\s*|((?:[^\W\d_a-z][\w'’.-]*\s+){1,5}))<$""")
# fmt: off
_COUNTRIES = frozenset({
    "AD", "AE", "AL", "AT", "AZ", "BA", "BE", "BG", "BH", "BI", "BR", "BY", "CH", "CR", "CY", "CZ", "DE", "DJ", "DK",
    "DO", "EE", "EG", "ES", "FI", "FK", "FO", "FR", "GB", "GE", "GI", "GL", "GR", "GT", "HN", "HR", "HU", "IE", "IL",
    "IQ", "IS", "IT", "JO", "KW", "KZ", "LB", "LC", "LI", "LT", "LU", "LV", "LY", "MC", "MD", "ME", "MK", "MN", "MR",
    "MT", "MU", "NI", "NL", "NO", "OM", "PK", "PL", "PS", "PT", "QA", "RO", "RS", "RU", "SA", "SC", "SD", "SE", "SI",
    "SK", "SM", "SO", "ST", "SV", "TL", "TN", "TR", "UA", "VA", "VG", "XK", "YE",
})
_TWO_DIGITS = frozenset({
    "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49", "51",
    "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81", "82", "84", "86", "90",
    "91", "92", "93", "94", "95", "98",
})
# fmt: on
_PHONE = re.compile(
    r"(?<![\w+])\+[1-9](?:[ ().\-/]{0,3}\d){6,14}(?![\w])"
    r"|(?<![\w.\-])(?:\(\d{3}\) ?|\d{3}-)\d{3}-\d{4}(?![\w.\-])"
)


def find_shapes(text: str) -> Iterator[tuple[str, str]]:
    """Yield the kind and text of each value in a string."""
    spans = list(find_emails(text)) if "@" in text else []
    for start, end in spans:
        yield "email", text[start:end]
        owner = _MAILBOX.search(text[max(0, start - _LONGEST_MAILBOX) : start])
        if owner is not None:  # "Ada Lovelace" <ada@acme.com>
            yield "name", (owner[1] or owner[2]).strip()
    if _DIGIT.search(text) is None:
        return
    for match in _IBAN.finditer(text):
        if is_iban(match[0]):
            yield "iban", match[0]
    for match in _PHONE.finditer(text):
        if not any(start < match.end() and match.start() < end for start, end in spans):
            yield "phone", match[0]


def find_emails(text: str) -> Iterator[tuple[int, int]]:
    """Find email addresses in a string, in linear time."""
    done = 0
    for match in _DOMAIN.finditer(text):
        start = match.start()
        floor = max(done, start - _LONGEST_LOCAL_PART)
        while start > floor and (text[start - 1].isalnum() or text[start - 1] in _LOCAL):
            start -= 1
        while start < match.start() and text[start] in _OPENING:
            start += 1
        if start < match.start():
            done = match.end()
            yield start, done


def find_digits(text: str) -> str:
    """Return the digits of a string in any script, as 0 to 9."""
    return "".join(str(int(character)) for character in text if character.isdecimal())


def is_iban(text: str) -> bool:
    """Return whether the text is an international bank account number with a valid checksum (ISO 13616)."""
    compact = "".join(character for character in text if character not in " -").upper()
    if not 15 <= len(compact) <= 34 or compact[:2] not in _COUNTRIES or not compact.isascii() or not compact.isalnum():
        return False
    if not compact[2:4].isdigit():
        return False
    return int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4])) % 97 == 1


def count_country_digits(text: str, digits: str) -> int:
    """Count the digits of the country code in a phone number that starts with + or 00."""
    start = 0
    if not text.lstrip(" (").startswith("+"):
        if not digits.startswith("00"):
            return 0
        start = 2
    code = digits[start : start + 3]
    return start + (1 if code[:1] in ("1", "7") else 2 if code[:2] in _TWO_DIGITS else len(code))
