"""The revisions of accounts and connectors in the database. Rows are only ever added.

A transaction that adds one counts it first. This locks the counter until the commit, so that others see the revisions
in the order of their `change`, and a process that knows one number finds what came later.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from conn_engine.secrets.vault.environment import build_variable_prefix
from conn_service.revisions.audit import AuditEntry, AuditLog
from conn_service.revisions.model import Revision, RevisionConflictError, Subject, SubjectKind, format_difference
from conn_service.store import Migration, prepare_tables

__all__ = ["RevisionStore"]

_ONLY: Final = 1

_metadata = sa.MetaData()
_counter = sa.Table(
    "conn_revision_counter",
    _metadata,
    sa.Column("only", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("change", sa.Integer, nullable=False),
)
_revisions = sa.Table(
    "conn_revision",
    _metadata,
    sa.Column("change", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("accepted", sa.Text, nullable=False),
    sa.Column("diff", sa.Text, nullable=False),
    sa.Column("files", sa.Text, nullable=False),
    sa.UniqueConstraint("kind", "name", "number"),
)


def _create(connection: Connection) -> None:
    _metadata.create_all(connection)
    connection.execute(sa.insert(_counter).values(only=_ONLY, change=0))


_MIGRATIONS: tuple[Migration, ...] = (_create,)


class RevisionStore:
    """The revisions of a service's database, and the log of who made them. Threads and processes may share it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.audit = AuditLog(engine)
        prepare_tables(engine, "revisions", _MIGRATIONS)

    def read_change(self) -> int:
        """Return the number of revisions of all subjects: it changes with each."""
        with self._engine.connect() as connection:
            return int(connection.execute(sa.select(_counter.c.change)).scalar_one())

    def find_changed(self, since: int = 0) -> list[Revision]:
        """Return the latest revision of each subject that has one after `since`, the oldest first."""
        newest = (
            sa.select(sa.func.max(_revisions.c.change))
            .where(_revisions.c.change > since)
            .group_by(_revisions.c.kind, _revisions.c.name)
        )
        query = sa.select(_revisions).where(_revisions.c.change.in_(newest)).order_by(_revisions.c.change)
        return self._read(query)

    def find_latest(self, subject: Subject) -> Revision | None:
        """Return the latest revision of a subject, None if it has none."""
        found = self.list_of(subject, most=1)
        return found[0] if found else None

    def find(self, subject: Subject, number: int) -> Revision | None:
        """Return a revision by its number, None if there is no such revision."""
        found = self._read(_select(subject).where(_revisions.c.number == number))
        return found[0] if found else None

    def list_of(self, subject: Subject, *, until: int | None = None, most: int = 1_000) -> list[Revision]:
        """Return the revisions of a subject with a number below `until`, the newest first."""
        query = _select(subject).order_by(_revisions.c.number.desc()).limit(most)
        return self._read(query if until is None else query.where(_revisions.c.number < until))

    def add(self, revision: Revision, previous: Mapping[str, str], action: str, *, seen: int) -> Revision:
        """Store a revision, with its difference to the `previous` documents, and the entry of the log.

        `seen` is the number of changes that the caller knew when it checked the revision. Raises RevisionConflictError
        if the subject has another revision by now, or if there is a later one that the check depends on.
        """
        subject = revision.subject
        with self._engine.begin() as connection:
            counted = sa.update(_counter).values(change=_counter.c.change + 1).returning(_counter.c.change)
            change = int(connection.execute(counted).scalar_one())
            query = _select(subject).with_only_columns(sa.func.max(_revisions.c.number))
            if (connection.execute(query).scalar() or 0) != revision.number - 1 or _is_outdated(
                connection, subject, seen
            ):
                raise RevisionConflictError(
                    f"{subject.path} was changed by somebody else in the meantime",
                    hint="read it again, and repeat your change",
                )
            values = {
                "change": change,
                "kind": subject.kind,
                "name": subject.name,
                "diff": format_difference(previous, revision.files),
                "files": json.dumps(dict(revision.files), ensure_ascii=False),
                **{key: getattr(revision, key) for key in ("number", "tenant", "by", "at", "reason", "accepted")},
            }
            connection.execute(sa.insert(_revisions).values(values))
            account = subject.name if subject.kind == "account" else ""
            reason = "; ".join(text for text in (revision.reason, revision.accepted) if text)
            before = revision.number - 1 or None
            entry = AuditEntry(
                revision.at,
                revision.by,
                action,
                subject.path,
                account,
                revision.tenant,
                reason,
                before,
                revision.number,
            )
            self.audit.add(entry, connection)
        return _to_revision(values)

    def _read(self, query: "sa.Select[Any]") -> list[Revision]:
        with self._engine.connect() as connection:
            return [_to_revision(dict(row._mapping)) for row in connection.execute(query)]


def _select(subject: Subject) -> "sa.Select[Any]":
    return sa.select(_revisions).where(_revisions.c.kind == subject.kind, _revisions.c.name == subject.name)


def _is_outdated(connection: Connection, subject: Subject, seen: int) -> bool:
    """Return whether a later revision may change what a check of the subject found. For an account that is one of a
    connector, an environment, or an account with a similar name; for the others, one of another kind."""
    later = connection.execute(sa.select(_revisions.c.kind, _revisions.c.name).where(_revisions.c.change > seen))
    if subject.kind != "account":
        return any(kind != subject.kind for kind, _ in later)
    prefix = build_variable_prefix(subject.name)
    return any(
        kind != "account" or (name != subject.name and build_variable_prefix(name) == prefix) for kind, name in later
    )


def _to_revision(row: Mapping[str, Any]) -> Revision:
    values = dict(row)
    subject = Subject(cast("SubjectKind", values.pop("kind")), values.pop("name"))
    return Revision(subject, files=json.loads(values.pop("files")), **values)
