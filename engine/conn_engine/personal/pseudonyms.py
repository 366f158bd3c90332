"""Create replacements for personal values, with the same kind and format, and the same wherever a value occurs.

Each is computed from the value with a key (HMAC-SHA256). Without the key, the value cannot be recovered; with it, every
recording has the same replacement. Values that differ only in case still differ only in case. Digits, dates and codes
are permuted (a Feistel network), so that two of them never have the same replacement; a word is chosen by 32 bits.

No replacement may belong to somebody (`invented`): addresses are on a reserved domain, phone numbers contain 555, and
account numbers have a wrong checksum.
"""

import hmac
import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import date

from conn_engine.personal.invented import is_invented, make_phone_fictional
from conn_engine.personal.shapes import (
    EMAIL_DOMAIN,
    count_country_digits,
    find_digits,
    find_emails,
    find_shapes,
    is_iban,
)

__all__ = ["Pseudonyms"]

_SHORTEST_WORD = 10
_SHORTEST_PICTOGRAPHS = 6
_LONGEST_LOCAL_PART = 64
_ROUNDS = 10
_RUN = re.compile(r"[^\W\d_]+|\d+")
_NUMBER = re.compile(r"(?=(?:\D*\d){5})(?!.*[^\W\d_]{4}).*", re.DOTALL)  # only with short words such as "tel" and "ext"
_CODES = frozenset({"iban", "bank", "government_id"})
_IN_PHONE_FIELDS = frozenset({"email", "iban", "phone", "name"})
"""The kinds of a value in a field of phone numbers: those that outrank `phone`, and the fallback of `Replacements`."""
_POSTAL_CODE = re.compile(r"(?=.*\d)(?!.*[A-Za-z]{3})[A-Za-z0-9]{1,6}(?:[ -]?[A-Za-z0-9]{1,5})?")
_DATE = re.compile(
    r"(?<!\d)(?:(?P<y>\d{4})([-/.]?)(?P<m>\d{1,2})\2(?P<d>\d{1,2})|(?P<a>\d{1,2})([-/.])(?P<b>\d{1,2})\6(?P<c>\d{4}))(?!\d)"
)
_FIRST_DAY, _LAST_DAY = date(1900, 1, 1).toordinal(), date(2029, 12, 31).toordinal()
_LATIN = ("bdfghjklmnprstvwz", "aeiou")
_ALPHABETS = {
    "LATIN": ("bdfghjklmnprstvwz", "áéíóú"),
    "CYRILLIC": ("бвгджзклмнпрстфхцчшщ", "аеиоу"),
    "GREEK": ("βγδζθκλμνπρτφχψ", "αεηιου"),
    "CJK": ("安白成德方高海江林明平青荣山石田文新永志", "春冬东风光华家建金兰美南秋泉松天西夏星雪"),
}  # fmt: skip


class Pseudonyms:
    """Creates replacements with a key. `attempt` counts the rejected replacements of a value."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __repr__(self) -> str:
        return "Pseudonyms([redacted])"

    def replace(self, kind: str, text: str, attempt: int = 0) -> str:
        """Return the replacement of a value of a kind (`email`, `phone`, `name` … as in `x-personal`)."""
        replacement = self._choose_maker(kind, text)(text, attempt)
        if kind in _IN_PHONE_FIELDS:
            replacement = make_phone_fictional(replacement)
        return _make_shapes_fictional(replacement)

    def _choose_maker(self, kind: str, text: str) -> Callable[[str, int], str]:
        if list(find_emails(text)) == [(0, len(text))]:
            return self._make_email
        if kind in ("iban", "bank") and is_iban(text):
            return self._make_iban
        if kind == "birth_date" and _DATE.search(text):
            return self._make_date
        if kind in ("phone", "birth_date") and _NUMBER.fullmatch(text):
            return self._make_phone
        if text.isascii() and (kind in _CODES or (kind == "address" and _POSTAL_CODE.fullmatch(text))):
            return self._make_code
        if "://" in text:
            return self._make_url
        return self._make_words

    # --- by kind ---

    def _make_email(self, text: str, attempt: int) -> str:
        local, _, domain = text.rpartition("@")
        words = self._make_words(local, attempt)
        if words == local or len(words) > _LONGEST_LOCAL_PART:
            words = self._make_word(local, attempt)[:_LONGEST_LOCAL_PART]
        return f"{words}@{self._make_word(domain, attempt)[:_SHORTEST_WORD]}.{EMAIL_DOMAIN}"

    def _make_phone(self, text: str, attempt: int) -> str:
        digits = find_digits(text)
        country_digits = count_country_digits(text, digits)
        return _refill(text, digits[:country_digits] + self._make_number(digits[country_digits:], "phone", attempt))

    def _make_iban(self, text: str, attempt: int) -> str:
        """Replace everything but the country."""
        return text[:2] + self._make_code(text[2:], attempt)

    def _make_date(self, text: str, attempt: int) -> str:
        """Return another day in the same notation."""

        def another(match: re.Match[str]) -> str:
            if match["y"]:
                names = ("y", "m", "d")
            else:
                names = ("c", "b", "a") if int(match["a"]) > 12 else ("c", "a", "b")
            try:
                day = self._make_day(date(*(int(match[name]) for name in names)), attempt)
            except ValueError:  # not a day of the calendar
                return self._make_plain_words(match[0], attempt)
            values = dict(zip(names, (day.year, day.month, day.day), strict=True))
            written, done = "", match.start()
            for name in sorted(names, key=match.start):
                written += match.string[done : match.start(name)] + f"{values[name]:0{len(match[name])}}"
                done = match.end(name)
            return written

        return _DATE.sub(another, text, count=1)

    def _make_day(self, day: date, attempt: int) -> date:
        """Return another day: a recent one for a recent day, and one up to the 12th for one up to the 12th, because day
        and month may be in either order."""
        recent = _FIRST_DAY <= day.toordinal() <= _LAST_DAY
        first, last, size = (_FIRST_DAY, _LAST_DAY, 5) if recent else (1, date.max.toordinal(), 7)
        for number in self._walk(f"{day.toordinal() - first:0{size}}", "date", attempt):
            ordinal = int(number) + first
            if ordinal <= last and (recent or not _FIRST_DAY <= ordinal <= _LAST_DAY):
                other = date.fromordinal(ordinal)
                if (other.day > 12) == (day.day > 12):
                    break
        return other

    def _make_code(self, text: str, attempt: int) -> str:
        """Replace digits by digits and letters by letters."""
        digits = find_digits(text)
        code = _refill(text, self._permute(digits, 10, "code", attempt))
        letters = [character for character in code if character.isascii() and character.isalpha()]
        numbers = "".join(_BASE26[ord(character.lower()) - 97] for character in letters)
        others = iter(self._permute(numbers, 26, "letters", attempt))
        return "".join(
            _match_case(chr(_BASE26.index(next(others)) + 97), c)[:1] if c.isascii() and c.isalpha() else c
            for c in code
        )

    def _make_url(self, text: str, attempt: int) -> str:
        scheme = text.partition("://")[0]
        ending = re.search(r"\.[A-Za-z]{3,4}$", text)
        name = self._make_word(text, attempt)[:_SHORTEST_WORD]
        return f"{scheme}://{EMAIL_DOMAIN}/{name}{ending[0] if ending else ''}"

    def _make_words(self, text: str, attempt: int) -> str:
        """Replace words, numbers and email addresses separately, and nothing between them."""
        words, done = "", 0
        for start, end in find_emails(text):
            words += self._make_plain_words(text[done:start], attempt) + self._make_email(text[start:end], attempt)
            done = end
        return words + self._make_plain_words(text[done:], attempt)

    def _make_plain_words(self, text: str, attempt: int) -> str:
        def another(match: re.Match[str]) -> str:
            run = match[0]
            if run[0].isdigit():
                return self._permute(find_digits(run), 10, "number", attempt)
            return self._make_word(run, attempt)

        return _RUN.sub(another, text)

    # --- words ---

    def _make_word(self, word: str, attempt: int) -> str:
        """Return a pronounceable word with at least ten letters, and at least as many as the value."""
        folded = word.casefold()
        alphabets = _choose_alphabets(folded)
        seed = self._make_seed("word", folded, attempt)
        letters = ""
        shortest = _SHORTEST_PICTOGRAPHS if alphabets is _ALPHABETS["CJK"] else _SHORTEST_WORD
        for index in range(max(shortest, len(folded))):
            seed, letter = divmod(seed, len(alphabets[index % 2]))
            letters += alphabets[index % 2][letter]
        return _match_case(letters, word)

    # --- numbers ---

    def _make_number(self, digits: str, label: str, attempt: int) -> str:
        """Return as many other digits; leading zeros stay."""
        rest = digits.lstrip("0")
        if not rest:
            return digits
        number_text = next(number for number in self._walk(rest, label, attempt) if number[0] != "0")
        return digits[: len(digits) - len(rest)] + number_text

    def _walk(self, digits: str, label: str, attempt: int) -> Iterator[str]:
        """Permute again and again. To use the first result that fits is a permutation of all that fit."""
        while True:
            digits = self._permute(digits, 10, label, attempt)
            yield digits

    def _permute(self, digits: str, radix: int, label: str, attempt: int) -> str:
        """Permute the strings with this number of digits: in each round, a number is added to one of the two halves."""
        size = len(digits)
        if size == 0:
            return ""
        if size == 1:
            return _write_number((int(digits, radix) + self._make_seed(label, f"{radix}", attempt)) % radix, 1, radix)
        first_half, second_half = digits[: size // 2], digits[size // 2 :]
        for number in range(_ROUNDS):
            added = self._make_seed(f"{label} {radix} {size} {number}", second_half, attempt)
            total = (int(first_half, radix) + added) % radix ** len(first_half)
            first_half, second_half = second_half, _write_number(total, len(first_half), radix)
        return first_half + second_half

    def _make_seed(self, label: str, text: str, attempt: int) -> int:
        message = f"{label}\0{attempt}\0{text}".encode("utf-8", "surrogatepass")
        return int.from_bytes(hmac.digest(self._key, message, "sha256"), "big")


_BASE26 = "0123456789abcdefghijklmnop"


def _write_number(number: int, size: int, radix: int) -> str:
    digits_text = ""
    for _ in range(size):
        number, digit = divmod(number, radix)
        digits_text = _BASE26[digit] + digits_text
    return digits_text


def _refill(text: str, digits: str) -> str:
    """Replace the digits of a string in place."""
    remaining = iter(digits)
    return "".join(next(remaining) if character.isdecimal() else character for character in text)


def _make_shapes_fictional(text: str) -> str:
    """Change each email address, account number and phone number in a string that may belong to somebody, such as one
    that other values happen to form."""
    for kind, value in list(find_shapes(text)):
        if is_invented(kind, value):
            continue
        if kind == "email":
            fictional = f"{value}.{EMAIL_DOMAIN}"
        elif kind == "phone":
            fictional = make_phone_fictional(value)
        else:
            fictional = f"{value[:2]}{(int(value[2:4]) + 1) % 100:02}{value[4:]}"  # a wrong checksum
        text = text.replace(value, fictional)
    return text


def _choose_alphabets(folded: str) -> tuple[str, str]:
    if folded.isascii():
        return _LATIN
    foreign = next(character for character in folded if not character.isascii())
    return _ALPHABETS.get(unicodedata.name(foreign, "").partition(" ")[0], _ALPHABETS["LATIN"])


def _match_case(word: str, like: str) -> str:
    """Use upper case where the other text does."""
    if len(like) > 1 and like.isupper():
        return word.upper()
    capitals = {index for index, character in enumerate(like) if character.isupper()}
    return "".join(character.upper() if index in capitals else character for index, character in enumerate(word))
