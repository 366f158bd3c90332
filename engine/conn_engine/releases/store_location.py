"""The location of a store: a SQLite file or a Postgres database. Nothing is opened here; passwords are never shown."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from conn_engine.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

__all__ = ["DEFAULT_FILE", "StoreLocation"]

DEFAULT_FILE = Path(".conn") / "releases.sqlite3"
"""The default store of a workspace, relative to its folder."""
_POSTGRES = ("postgresql", "postgres", "postgresql+psycopg")
_HALF_URL = re.compile(r"(postgres(ql)?(\+\w+)?|sqlite(\+\w+)?)(:/|//)", re.IGNORECASE)
_HINT = "pass a SQLite file (releases.sqlite3) or postgresql+psycopg://USER@HOST/DATABASE"


@dataclass(frozen=True, repr=False)
class StoreLocation:
    """Either a SQLite `file`, or the `url` of a Postgres database."""

    file: Path | None = None
    url: "URL | None" = None

    @classmethod
    def read(cls, text: str, folder: Path) -> "StoreLocation":
        """Parse an address: a path (relative to `folder`), sqlite:///PATH or a Postgres URL.

        Raises UsageError for anything else.
        """
        if "://" not in text:
            if not text.strip():
                raise UsageError("the store's address is empty", hint=_HINT)
            if _HALF_URL.match(text):
                # A mistyped URL would create folders with its name, and show its password.
                raise UsageError("the store's address looks like a URL, but has no ://", hint=_HINT)
            return cls(file=folder / Path(text).expanduser())
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError

        kind = text.partition("://")[0].lower()
        try:
            url = make_url(text)
        except (ArgumentError, ValueError):
            # The text is not in the message, because it may contain a password.
            raise UsageError(f"the store's address {kind}://… cannot be read", hint=_HINT) from None
        if kind in ("sqlite", "sqlite+pysqlite"):
            if not url.database or url.database == ":memory:" or url.query:
                raise UsageError("a SQLite store is a file: sqlite:///PATH", hint=_HINT)
            return cls(file=folder / url.database)
        if kind not in _POSTGRES:
            raise UsageError(f'unknown type of store: "{kind}"', hint=_HINT)
        return cls(url=url.set(drivername="postgresql+psycopg"))

    @property
    def secrets(self) -> list[str]:
        """The values that must not be shown: the password in the URL and in its query."""
        if self.url is None:
            return []
        values = [self.url.password, self.url.query.get("password")]
        return [str(value) for value in values if value]

    @property
    def public_text(self) -> str:
        """The address for people, without the password."""
        if self.url is None:
            return str(self.file)
        query = {key: "***" if key.endswith("password") else value for key, value in self.url.query.items()}
        return self.url.set(query=query).render_as_string(hide_password=True)

    @property
    def full_text(self) -> str:
        """The address with its password, for another process of the same program only."""
        return str(self.file) if self.url is None else self.url.render_as_string(hide_password=False)

    def __repr__(self) -> str:
        return f"StoreLocation({self.public_text})"
