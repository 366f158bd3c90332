"""Writes the corpus that the `backlot` fixture imports: contacts and issues, the same on every run.

Not a copy of anyone's data: names are numbered. One contact is private to dana@acme.com, so that the caller is
visible in the answer: dana sees one more than everyone else.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

__all__ = ["CONTACTS", "ISSUES", "REPOSITORY", "write"]

CONTACTS = 2_000
ISSUES = 230
REPOSITORY = "crm"
START = datetime(2026, 1, 1, tzinfo=UTC)


def moment(number: int) -> str:
    """An RFC 3339 time, one minute per number."""
    return (START + timedelta(minutes=number)).strftime("%Y-%m-%dT%H:%M:%SZ")


def contact(number: int) -> dict[str, object]:
    """One public contact."""
    return {
        "source_type": "hubspot",
        "doc_id": f"contact-{number}",
        "record_id": str(1000 + number),
        "object_type": "contacts",
        "title": f"First{number} Last{number}",
        "content": f"contact {number}",
        "visibility": "public",
        "properties": {
            "firstname": f"First{number}",
            "lastname": f"Last{number}",
            "email": f"u{number}@ex{number % 500}.example",
            "lifecyclestage": ("lead", "customer")[number % 2],
            "hs_object_id": str(1000 + number),
        },
        "created": moment(number),
        "author_email": "dana@acme.com",
    }


def issue(number: int) -> dict[str, object]:
    """One open issue of the repository."""
    return {
        "source_type": "github",
        "doc_id": f"issue-{number}",
        "repo": REPOSITORY,
        "subtype": "issue",
        "title": f"Issue {number}",
        "content": f"Body of issue {number}",
        "visibility": "public",
        "created": moment(number),
        "updated": moment(number),
        "author_email": "ava@acme.com",
        "number": number,
        "state": "open",
    }


def message(number: int, author: str) -> dict[str, object]:
    """A public message: it puts its author on the server's roster, which gives each a token."""
    return {
        "source_type": "slack",
        "doc_id": f"message-{number}",
        "channel": "general",
        "content": f"message {number}",
        "visibility": "public",
        "created": moment(number),
        "author_email": author,
    }


def private() -> dict[str, object]:
    """The contact that only dana sees."""
    return {
        **contact(CONTACTS),
        "doc_id": "contact-private",
        "record_id": "999999",
        "visibility": "private",
        "properties": {"firstname": "Only", "lastname": "Dana", "hs_object_id": "999999"},
    }


def write(path: Path) -> None:
    """Write the corpus, one JSON document a line."""
    people = ["ava@acme.com", "bob@acme.com", "cleo@acme.com", "dana@acme.com"]
    documents = [
        *(contact(number) for number in range(CONTACTS)),
        private(),
        *(issue(number) for number in range(1, ISSUES + 1)),
        *(message(number, author) for number, author in enumerate(people)),
    ]
    path.write_text("".join(json.dumps(document) + "\n" for document in documents), encoding="utf-8")
