"""Find personal values in recorded data: by their shape anywhere, and by the name of their field."""

import csv
import html
import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

from conn_engine.personal.forms import find_packed_texts, is_json
from conn_engine.personal.shapes import find_shapes
from conn_engine.personal.values import PersonalKind, PersonalValues, fold_case

__all__ = ["collect", "collect_text", "find_kind"]

# fmt: off
_NAMES = (
    "firstname", "lastname", "middlename", "givenname", "givennames", "familyname", "surname", "forename", "fullname",
    "displayname", "realname", "nickname", "maidenname", "legalfirstname", "legallastname", "preferredname",
    "contactname", "customername", "personname", "ownername", "authorname", "sendername", "recipientname",
    "employeename", "patientname", "attendeename", "namefirst", "namelast", "namemiddle", "namegiven", "namefamily",
    "namefull", "nameformatted", "vorname", "nachname", "prenom", "apellido", "apellidos",
)
_ADDRESSES = (
    "street", "streets", "street1", "street2", "streetline1", "streetline2", "streetaddress", "streetname",
    "addressline", "addressline1", "addressline2", "addressline3", "address1", "address2", "postaladdress",
    "homeaddress", "mailingaddress", "billingaddress", "shippingaddress", "formattedaddress", "postalcode", "postcode",
    "zipcode", "mailingcity", "billingcity", "shippingcity", "homecity", "addresscity", "addresszip", "strasse",
    "hausnummer", "postleitzahl",
)
_COMPLETE_ADDRESS_NAMES = frozenset({"address", "addresses", "city", "town", "zip", "plz"})
_BIRTHS = ("birthdate", "birthday", "dateofbirth", "birthdatetime", "geburtsdatum", "dob")
_PHONES = ("phone", "mobile", "telephone", "fax", "msisdn", "cellphone", "whatsapp", "telefon")
_NUMBERS = ("ssn", "socialsecuritynumber", "passportnumber", "nationalid", "nationalidnumber", "taxfilenumber")
_OF_A_PHONE = frozenset({"value", "number", "formatted", "raw", "text", "e164", "international", "national", "main"})
_ABOUT_A_PHONE = (
    "type", "label", "code", "country", "verified", "status", "count", "primary", "extension", "kind", "id",
)
# fmt: on
_ID = re.compile(
    r"(?:^|[a-z0-9_-])(?:Id|Ids|ID|IDs|_id|_ids|-id|-ids|Uuid|Guid)$|^(?:id|ids|uuid|guid|gid|sid|key|ID|Id)$"
)
_LONGEST_FIELD = 200
_NO_NAME = re.compile(r"[/\\_=:{}|]")  # "acme/website" is a repository's full name
_XML_LEAF = re.compile(r"<(?:[\w.-]+:)?([\w.-]+)(?:\s[^<>]*)?>([^<>]+)</")
_XML_ATTRIBUTE = re.compile(r'\s(?:[\w.-]+:)?([\w.-]+)="([^"<>]*)"')
_FORM = re.compile(r"[^=&\s]{1,200}=[^&\s]*(?:&[^=&\s]{1,200}=[^&\s]*)*")
_DELIMITERS = ",;\t|"


def find_kind(names: Iterable[str], value: str) -> PersonalKind | None:
    """Return the kind of a value by the names of its fields, the innermost last (only letters and digits)."""
    path = list(names)
    if not path or not value or len(value) > _LONGEST_FIELD or "://" in value:
        return None
    last, pair = path[-1], "".join(path[-2:])
    digits = sum(character.isdecimal() for character in value)
    letters = any(character.isalpha() for character in value)
    if last.endswith(_NAMES) or pair.endswith(_NAMES):
        return "name" if letters and _NO_NAME.search(value) is None else None
    if last.endswith(_BIRTHS):
        return "birth_date" if digits > 4 else None
    if last.endswith(_NUMBERS):
        return "government_id"
    if last in _COMPLETE_ADDRESS_NAMES or last.endswith(_ADDRESSES):
        return "address" if "@" not in value else None
    if any(_is_phone(name) for name in ((last,) if last not in _OF_A_PHONE else path[-3:])):
        return "phone" if digits > 4 else None
    return None


def _is_phone(name: str) -> bool:
    return any(word in name for word in _PHONES) and not name.endswith(_ABOUT_A_PHONE)


def collect(value: Any, into: PersonalValues, names: tuple[str, ...] = ()) -> None:
    """Collect the values of JSON-like data. `names` are the names of its fields."""
    if isinstance(value, str):
        collect_text(value, into, names)
    elif isinstance(value, Mapping):
        field_name = value.get("name", value.get("key", value.get("field")))
        for key, item in value.items():
            name = str(key)
            collect_text(name, into)
            if name == "value" and isinstance(field_name, str):
                name = field_name  # {"name": "first_name", "value": "Ada"}
            if _ID.search(name):
                _identify(item, into)
            collect(item, into, (*names, _squeeze(name)))
    elif isinstance(value, list | tuple):
        for item in value:
            collect(item, into, names)
    elif isinstance(value, int) and not isinstance(value, bool):
        kind = find_kind(names, str(value))
        if kind in ("phone", "birth_date"):
            into.add(kind, str(value))


def collect_text(text: str, into: PersonalValues, names: tuple[str, ...] = (), depth: int = 4) -> None:
    """Collect the values of a string: it may be a value, or contain data in another form."""
    kind = find_kind(names, text)
    if kind is not None and not (names and _is_id(names[-1])):
        into.add(kind, text)
    for shape, identified in find_shapes(text):
        into.add(shape, identified)
    if not depth or len(text) < 4:
        return
    if is_json(text):
        for document in _read_documents(text):
            collect(document, into, names)
        return
    for inner in find_packed_texts(text):
        collect_text(inner, into, names, depth - 1)
    _collect_fields(text, into, depth)


def _collect_fields(text: str, into: PersonalValues, depth: int) -> None:
    """Collect the values in the fields of a form, of XML or of rows."""
    if "=" in text:
        query = text.partition("?")[2] or text
        if _FORM.fullmatch(query.partition("#")[0]):
            for name, value in parse_qsl(query.partition("#")[0]):
                collect_text(value, into, (_squeeze(name),), depth - 1)
    if "</" in text:
        for pattern in (_XML_LEAF, _XML_ATTRIBUTE):
            for match in pattern.finditer(text):
                collect_text(html.unescape(match[2]).strip(), into, (_squeeze(match[1]),), 0)
    with suppress(csv.Error):
        _collect_rows(text, into)


def _collect_rows(text: str, into: PersonalValues) -> None:
    """Collect the values of rows below a header with field names, as in CSV. Raises csv.Error."""
    head, line, rest = text.partition("\n")
    delimiter = max(_DELIMITERS, key=head.count)
    if not line or delimiter not in head:
        return
    names = [_squeeze(name) for name in next(csv.reader([head], delimiter=delimiter), [])]
    if any(find_kind((name,), "a12345") for name in names):
        for row in csv.reader(rest.splitlines(), delimiter=delimiter):
            for name, value in zip(names, row, strict=False):
                collect_text(value.strip(), into, (name,), 0)


def _read_documents(text: str) -> list[Any]:
    try:
        return [json.loads(text)]
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]


def _identify(value: Any, into: PersonalValues) -> None:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str | int) and not isinstance(item, bool):
            into.ids.add(fold_case(str(item)))


def _is_id(name: str) -> bool:
    return name.endswith(("id", "ids", "uuid", "guid"))


def _squeeze(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
