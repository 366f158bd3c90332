"""Options of the release commands: the store, the person who acts, and the secrets that no release may contain."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conn_engine.releases import StoreLocation
    from conn_engine.releases.actors import Act
    from conn_engine.releases.store import Store
    from conn_engine.secrets import Redactor

__all__ = [
    "ByOption",
    "FormatOption",
    "StoreOption",
    "find_actor",
    "find_local_secrets",
    "find_release_store",
    "open_releases",
]

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


def open_releases(app: App, location: str | None, *, create: bool = False) -> "Store":
    """Open the store of `--store`, CONN_STORE or conn.yaml, or by default the one in the workspace."""
    from conn_engine.releases import open_store

    return open_store(find_release_store(app, location), create=create)


def find_release_store(app: App, location: str | None = None) -> "StoreLocation":
    """Return the store of `--store`, CONN_STORE or conn.yaml, or by default the one in the workspace.

    A password in its address is redacted from then on.
    """
    from conn_engine.releases import DEFAULT_FILE, StoreLocation

    if location is not None:
        address = StoreLocation.read(location, app.folder)
    elif app.environ.get("CONN_STORE"):
        address = StoreLocation.read(app.environ["CONN_STORE"], app.folder)
    else:
        address = StoreLocation.read(app.workspace.settings.store or str(DEFAULT_FILE), app.workspace_root)
    for secret in address.secrets:
        app.redactor.add(secret, "the store's password")
    return address


def find_actor(app: App, by: str | None) -> "Act":
    """Return the person who acts, and the time."""
    from conn_engine.releases.actors import Act

    names = (app.environ.get(name) for name in ("USER", "LOGNAME", "USERNAME"))
    return Act(by or next((name for name in names if name), "unknown"), app.clock.now())


def find_local_secrets(app: App) -> "Redactor":
    """Return the secrets of the environment. A release that contains one is refused."""
    from conn_engine.secrets import Redactor

    redactor = Redactor()
    for name, value in app.environ.items():
        if len(value) >= _SHORTEST and any(_is_secret(part) for part in _list_endings(name)):
            redactor.add(value, name)
    return redactor


def _is_secret(name: str) -> bool:
    from conn_engine.secrets import is_secret_name

    return is_secret_name(name)


def _list_endings(name: str) -> "Iterator[str]":
    """Yield the endings of a variable's name: ACME_API_KEY, API_KEY, KEY."""
    words = name.split("_")
    return ("_".join(words[start:]) for start in range(len(words)))
