"""Writes the corpus that the `backlot` fixture imports: contacts, issues, messages and tasks, the same on every run.

Not a copy of anyone's data: names are numbered. One contact is private to dana@acme.com, so that the caller is
visible in the answer: dana sees one more than everyone else.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

__all__ = ["CONTACTS", "ISSUES", "MESSAGES", "REPOSITORY", "ROWS", "TASKS", "write"]

CONTACTS = 2_000
ISSUES = 230
MESSAGES = 230
ROWS = 130
REPOSITORY = "crm"
TASKS = 7
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


def task(number: int) -> dict[str, object]:
    """What an issue of Jira and of Linear have in common."""
    return {
        "title": f"Task {number}",
        "content": f"Body of task {number}",
        "visibility": "public",
        "created": moment(number),
        "updated": moment(100 + number),
        "author_email": "ava@acme.com",
        "assignee": "bob@acme.com",
        "labels": ["sensor"],
        "comments": [{"content": "On it.", "author_email": "bob@acme.com", "created_ts": moment(200 + number)}],
    }


def jira_issue(number: int) -> dict[str, object]:
    """One issue of the project."""
    return {
        **task(number),
        "source_type": "jira",
        "doc_id": f"jira-{number}",
        "project": "kiln",
        "key": f"KILN-{number}",
        "issuetype": "Task",
        "priority": "High",
        "status": ("To Do", "In Progress", "Done")[number % 3],
        "reporter": "ava@acme.com",
        "duedate": "2026-12-31",
    }


def linear_issue(number: int) -> dict[str, object]:
    """One issue of the team."""
    return {
        **task(number),
        "source_type": "linear",
        "doc_id": f"linear-{number}",
        "team": "kiln",
        "identifier": f"KIL-{number}",
        "state": ("Todo", "In Progress", "Done")[number % 3],
        "priority": 2,
        "dueDate": "2026-12-31",
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


def incident(number: int) -> dict[str, object]:
    """A message of a channel with more than one page."""
    return {
        **message(number, "bob@acme.com"),
        "doc_id": f"incident-{number}",
        "channel": "incidents",
        "content": f"&lt;{number}&gt; &amp; co",
    }


def board() -> dict[str, object]:
    """A database with rows."""
    return {
        "source_type": "notion",
        "doc_id": "board",
        "teamspace": "engineering",
        "title": "Board",
        "subtype": "database",
        "content": "The tasks.",
        "properties": {
            "Name": {"title": {}},
            "Status": {"select": {"options": [{"name": "Todo"}, {"name": "Done"}]}},
            "Owner": {"people": {}},
            "Points": {"number": {}},
        },
        "visibility": "public",
        "created": moment(0),
        "updated": moment(0),
        "author_email": "ava@acme.com",
    }


def row(number: int) -> dict[str, object]:
    """A row of the board."""
    return {
        "source_type": "notion",
        "doc_id": f"row-{number}",
        "teamspace": "engineering",
        "title": f"Task {number}",
        "subtype": "page",
        "parent": "board",
        "content": f"Text of task {number}",
        "properties": {"Status": ("Todo", "Done")[number % 2], "Owner": "Ava", "Points": number},
        "visibility": "public",
        "created": moment(number),
        "updated": moment(number),
        "author_email": "ava@acme.com",
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
        *(jira_issue(number) for number in range(1, TASKS + 1)),
        *(linear_issue(number) for number in range(1, TASKS + 1)),
        *(message(number, author) for number, author in enumerate(people)),
        *(incident(number) for number in range(MESSAGES)),
        board(),
        *(row(number) for number in range(ROWS)),
    ]
    path.write_text("".join(json.dumps(document) + "\n" for document in documents), encoding="utf-8")
