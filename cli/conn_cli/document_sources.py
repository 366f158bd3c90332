"""A vendor's document as a file: one on this machine, at an https address, or in a Git repository."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from conn_cli.console import App

if TYPE_CHECKING:
    from conn_engine.transport.egress import Trust

__all__ = ["open_document"]

_SECONDS: Final = 60.0
_REDIRECTS: Final = 5
_SUFFIXES: Final = (".json", ".yaml", ".yml", ".har")
_SCHEMES: Final = ("https://", "http://")


@contextmanager
def open_document(app: App, source: str) -> Iterator[tuple[Path, str]]:
    """Return the path of a document, and the address that it was fetched from, or "" for a file of this machine.

    Raises UsageError for an address that cannot be fetched, and TransportError if it does not respond.
    """
    if source.startswith("git+"):
        from conn_cli.git_connectors import fetch_document

        with fetch_document(app, source) as path:
            yield path, source
    elif source.lower().startswith(_SCHEMES):
        with tempfile.TemporaryDirectory(prefix="conn-document-") as folder:
            path = Path(folder, _choose_name(source))
            path.write_bytes(_download(app, source))
            yield path, source.partition("?")[0].partition("#")[0]
    else:
        yield app.folder / source, ""


def _download(app: App, url: str) -> bytes:
    """Return the content of a URL. Only https is fetched, except from a trusted host of this machine."""
    from conn_engine.errors import UsageError
    from conn_engine.transport.gateway import is_loopback, parse_target
    from conn_engine.transport.live import Live
    from conn_engine.wire import Headers, Request
    from conn_import import MAX_SOURCE

    target = parse_target(url.partition("#")[0])
    if target.scheme != "https" and not is_loopback(target.host):
        raise UsageError(
            f"{target.scheme}://{target.authority} is not fetched, because it is not https",
            hint="use its https address, or download the document and pass the file",
        )
    accept = Headers([("Accept", "application/json, application/yaml, text/yaml, */*;q=0.5")])
    request = Request("GET", url.partition("#")[0], accept, label="the fetch of the document", timeout_seconds=_SECONDS)
    with (
        app.progress("fetching"),
        Live(
            app.redactor, max_redirects=_REDIRECTS, max_bytes=MAX_SOURCE, trust=_find_trust(app), clock=app.clock
        ) as live,
    ):
        response = live.send(request)
    if response.status != 200:
        raise UsageError(
            f"{target.scheme}://{target.authority} responds to the fetch of the document with {response.status}",
            hint="correct the address, or download the document and pass the file",
        )
    return response.body


def _find_trust(app: App) -> "Trust":
    """Return what the workspace trusts in addition to the public internet."""
    from conn_engine.config import load_workspace
    from conn_engine.documents.locate import find_workspace
    from conn_engine.transport.egress import Trust

    root = find_workspace(app.folder)
    return Trust() if root is None else load_workspace(root).trust


def _choose_name(url: str) -> str:
    """Return a file name for a URL's document: that of its path, with the suffix of a document."""
    path = url.partition("?")[0].partition("#")[0].partition("://")[2].partition("/")[2]
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", unquote(path.rpartition("/")[2])).strip("-.")[:80] or "document"
    return name if name.lower().endswith(_SUFFIXES) else f"{name}.yaml"
