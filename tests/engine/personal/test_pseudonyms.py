"""Replacements: of the same kind and format, the same for the same value and key, others for others."""

import re
from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from conn_engine.personal import Pseudonyms
from conn_engine.personal.shapes import find_emails, is_iban
from conn_engine.schema_keywords import PERSONAL_KINDS

ONE, OTHER = Pseudonyms(b"1" * 32), Pseudonyms(b"2" * 32)
names = st.text(st.sampled_from("abcdeXYZéüßñøÅжяΩ李 '-"), min_size=1, max_size=20)
kinds = st.sampled_from(sorted(PERSONAL_KINDS))


def made(kind: str, text: str) -> str:
    return ONE.replace(kind, text)


@pytest.mark.parametrize(
    ("kind", "text", "pattern"),
    [
        ("name", "Ada", "[A-Z][a-z]{9}"),
        ("name", "ADA LOVELACE", "[A-Z]{10} [A-Z]{10}"),
        ("name", "O'Brien-Smith, Jo", "[A-Z][a-z]{9}'[A-Z][a-z]{9}-[A-Z][a-z]{9}, [A-Z][a-z]{9}"),
        ("name", "Zoë", "[A-Z][^A-Z ]{9}"),
        ("name", "Владимир", "[А-Я][а-я]{9}"),
        ("name", "Ada <ada@acme.com>", r"[A-Z][a-z]{9} <[a-z]{10}@[a-z]{10}\.example\.com>"),
        ("email", "Ada.Lovelace99@acme.co.uk", r"[A-Z][a-z]{9}\.[A-Z][a-z]{9}\d\d@[a-z]{10}\.example\.com"),
        ("phone", "+49 (170) 123-4567", r"\+49 \([1-9]\d\d\) 555-\d{4}"),
        ("phone", "+1 415 201 2671 ext. 12", r"\+1 [1-9]\d\d 555 \d{4} ext\. \d\d"),
        ("phone", "0170 1234567", r"0[1-9]\d\d 555\d{4}"),
        ("phone", "0049170123456", r"0049[1-9]\d\d555\d{3}"),
        ("phone", "Mobile: 0170 1234567", r"[A-Z][a-z]{9}: \d{3}5 55\d{5}"),
        ("birth_date", "1990-05-01T00:00:00Z", r"\d{4}-\d\d-\d\dT00:00:00Z"),
        ("birth_date", "13.5.1990", r"(1[3-9]|[23]\d)\.\d{1,2}\.\d{4}"),
        ("birth_date", "05/07/1990", r"(0\d|1[0-2])/(0\d|1[0-2])/\d{4}"),
        ("birth_date", "19900501", r"(19|20)\d{6}"),
        ("birth_date", "641520000", r"[1-9]\d{8}"),
        ("address", "12 Analytical Row", "[0-9]{2} [A-Z][a-z]{9} [A-Z][a-z]{9}"),
        ("address", "Port 2", "[A-Z][a-z]{9} [0-9]"),
        ("address", "EC1A 1BB", r"[A-Z]{2}\d[A-Z] \d[A-Z]{2}"),
        ("government_id", "078-05-1120", r"\d{3}-\d\d-\d{4}"),
        ("photo", "https://cdn.acme.com/u/ada.png", r"https://example\.com/[a-z]{10}\.png"),
    ],
)
def test_a_replacement_has_the_format_of_the_value(kind: str, text: str, pattern: str) -> None:
    assert re.fullmatch(pattern, made(kind, text)), made(kind, text)
    assert made(kind, text) != text
    assert made(kind, text) == made(kind, text)
    assert made(kind, text) != OTHER.replace(kind, text)


@pytest.mark.parametrize("text", ["DE89 3704 0044 0532 0130 00", "gb82west12345698765432", "NL91ABNA0417164300"])
def test_an_account_number_stays_in_its_country_with_a_wrong_checksum(text: str) -> None:
    assert is_iban(text)
    replaced = made("iban", text)
    assert not is_iban(replaced)
    assert (replaced[:2], len(replaced), replaced.count(" ")) == (text[:2], len(text), text.count(" "))


@given(st.dates(date(1, 1, 1)), st.sampled_from(["{0:04}-{1:02}-{2:02}", "{2}.{1}.{0:04}", "{1:02}/{2:02}/{0:04}"]))
def test_a_date_stays_a_date_that_is_read_the_same_way(day: date, form: str) -> None:
    text = form.format(day.year, day.month, day.day)
    numbers = [int(number) for number in re.findall(r"\d+", made("birth_date", text))]
    order = [int(number) for number in re.findall(r"\d+", form.format(0, 1, 2))]
    found = dict(zip(order, numbers, strict=True))
    if form.startswith("{1") and found[1] > 12:  # month first, as day first
        found = {**found, 1: found[2], 2: found[1]}
    other = date(found[0], found[1], found[2])
    assert (1900 <= day.year < 2030) == (1900 <= other.year < 2030)
    assert (day.day > 12) == (other.day > 12)


@given(kinds, names, names)
def test_values_that_are_equal_without_regard_to_case_stay_so_and_others_differ(
    kind: str, one: str, other: str
) -> None:
    replaced, again = made(kind, one), made(kind, other)
    if one.casefold() == other.casefold():
        assert replaced.casefold() == again.casefold()
    elif any(character.isalnum() for character in one):
        assert replaced.casefold() != again.casefold()
    assert made(kind, one.upper()).casefold() == made(kind, one.upper().lower()).casefold()


@given(st.emails())
def test_an_address_stays_an_address_in_a_reserved_domain(address: str) -> None:
    assume([(0, len(address))] == list(find_emails(address)))
    replaced = made("email", address)
    assert list(find_emails(replaced)) == [(0, len(replaced))]
    assert replaced.endswith(".example.com")
    assert len(replaced.partition("@")[0]) <= 64
    assert made("email", address.upper()).casefold() == replaced.casefold()


@pytest.mark.parametrize("size", [1, 2, 3])
def test_digits_are_permuted(size: int) -> None:
    texts = [f"{number:0{size}}" for number in range(10**size)]
    assert sorted({ONE._permute(text, 10, "test", 0) for text in texts}) == texts


def test_the_key_is_not_shown() -> None:
    assert "11" not in repr(Pseudonyms(b"1" * 32))
