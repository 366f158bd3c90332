"""Which store of releases a command means, who acts, and which secrets no release may hold."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conn_engine.releases.promotion import Act
    from conn_engine.releases.store import Store
    from conn_engine.secrets import Redactor

__all__ = ["ByOption", "FormatOption", "StoreOption", "find_actor", "find_local_secrets", "open_releases"]

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        help="SQLite file or Postgres URL. Default: CONN_STORE, store in conn.yaml, or .conn/releases.sqlite3.",
        show_default=False,
    ),
]
ByOption = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Name to record in the history. Default: the current user.")
]
FormatOption = Annotated[Formats, format_option("markdown")]

_SHORTEST = 8


def open_releases(app: App, named: str | None, *, create: bool = False) -> "Store":
    """The store that `--store`, CONN_STORE or conn.yaml names, else the workspace's own.

    A password in its address is known to the redactor from then on.
    """
    from conn_engine.releases import DEFAULT_FILE, StoreLocation, open_store

    if named is not None:
        address = StoreLocation.read(named, app.folder)
    elif app.environ.get("CONN_STORE"):
        address = StoreLocation.read(app.environ["CONN_STORE"], app.folder)
    else:
        address = StoreLocation.read(app.workspace.settings.store or str(DEFAULT_FILE), app.workspace_root)
    for secret in address.secrets:
        app.redactor.add(secret, "the store's password")
    return open_store(address, create=create)


def find_actor(app: App, by: str | None) -> "Act":
    """Who acts now."""
    from conn_engine.releases.promotion import Act

    names = (app.environ.get(name) for name in ("USER", "LOGNAME", "USERNAME"))
    return Act(by or next((name for name in names if name), "unknown"), app.clock.now())


def find_local_secrets(app: App) -> "Redactor":
    """The secrets of the process's environment, so that a release which holds one is refused."""
    from conn_engine.secrets import Redactor

    known = Redactor()
    for name, value in app.environ.items():
        if len(value) >= _SHORTEST and any(_is_secret(part) for part in _list_endings(name)):
            known.add(value, name)
    return known


def _is_secret(name: str) -> bool:
    from conn_engine.secrets import is_secret_name

    return is_secret_name(name)


def _list_endings(name: str) -> "Iterator[str]":
    """A variable's name, and what it ends with: ACME_API_KEY, API_KEY, KEY."""
    words = name.split("_")
    return ("_".join(words[start:]) for start in range(len(words)))
