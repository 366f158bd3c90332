"""The keywords that Conn adds to the JSON Schemas of unified records."""

__all__ = ["PERSONAL", "PERSONAL_KINDS", "PERSONAL_MARKS"]

PERSONAL = "x-personal"
"""The keyword that marks a field as personal data; its value is one of `PERSONAL_MARKS`, or `false`."""

PERSONAL_KINDS: dict[str, str] = {
    "email": "email address",
    "iban": "bank account number",
    "phone": "phone number",
    "birth_date": "date of birth",
    "government_id": "identity number",
    "bank": "bank account number",
    "photo": "picture",
    "name": "name",
    "online_id": "user name",
    "address": "address",
    "location": "location",
    "health": "health detail",
    "demographic": "demographic detail",
    "pay": "pay detail",
    "employment": "job title or department",
}
"""The kinds of values that a pseudonym replaces, and their names for people. A value of several kinds has the first
of them."""

PERSONAL_MARKS = (*PERSONAL_KINDS, "free_text")
"""The marks that a field of a unified model can have."""
