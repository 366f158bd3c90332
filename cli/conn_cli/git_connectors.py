"""Connectors from Git repositories: fetched, checked as hostile, and used once their hosts are confirmed."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from conn_cli.console import App
from conn_engine.errors import UsageError

if TYPE_CHECKING:
    from conn_engine.analysis.submissions import Demands
    from conn_engine.documents.copied_files import Files
    from conn_engine.updates.git_sources import GitSource
    from conn_engine.updates.lock import LockedConnector

__all__ = [
    "FetchedConnector",
    "add_from_git",
    "confirm_demands",
    "describe_demands",
    "fetch_connector",
    "find_unconfirmed",
]


@dataclass(frozen=True, slots=True)
class FetchedConnector:
    """The files of a connector at one commit, which passed the checks, with its entry for conn.lock."""

    name: str
    files: "Files"
    entry: "LockedConnector"


def fetch_connector(app: App, name: str, source: "GitSource") -> FetchedConnector:
    """Fetch a connector and check it in a process with limits. Raises UsageError if it does not pass."""
    from conn_engine.analysis.submissions import check_files
    from conn_engine.documents.copied_files import compute_files_digest
    from conn_engine.updates.git_sources import fetch_files
    from conn_engine.updates.lock import LockedConnector

    with app.progress("fetching") as progress:
        fetched = fetch_files(source)
        if fetched.is_document:
            raise UsageError(
                f"{source.source} is a document, not the folder of a connector",
                hint=f"import it: conn new {name} --from {source.source}",
            )
        result = check_files(name, fetched.files, tell=progress.say)
    for verdict in result.verdicts:
        for problem in verdict.problems:
            place = f"{problem.file}: " if problem.file else ""
            raise UsageError(
                f"{source.source} does not pass conn check, so it is not used: {place}{problem.message}",
                hint="ask its author to correct it; conn check DIR lists every problem of a clone",
            )
    digest = f"sha256:{compute_files_digest(fetched.files)}"
    demands = result.demands
    entry = LockedConnector(
        source.source,
        fetched.commit,
        digest,
        source.revision,
        tuple(demands.hosts),
        tuple(demands.environment),
    )
    return FetchedConnector(name, fetched.files, entry)


@contextmanager
def fetch_document(app: App, address: str) -> Iterator[Path]:
    """Fetch a document of a repository into a temporary folder, and return its path. Raises UsageError if it is a
    folder."""
    from conn_engine.updates.git_sources import fetch_files, parse_git_source

    source = parse_git_source(address)
    with app.progress("fetching"):
        fetched = fetch_files(source)
    if not fetched.is_document:
        raise UsageError(f"{source.source} is not a document", hint="name a file after the #, such as #openapi.yaml")
    with tempfile.TemporaryDirectory(prefix="conn-git-") as place:
        for name, content in fetched.files.items():
            path = Path(place, name)
            path.write_bytes(content)
        yield path


def find_unconfirmed(entry: "LockedConnector", confirmed: "LockedConnector | None") -> "Demands":
    """Return the hosts and variables of a connector that nobody has confirmed."""
    from conn_engine.analysis.submissions import Demands

    hosts, environment = (confirmed.hosts, confirmed.environment) if confirmed is not None else ((), ())
    return Demands(
        hosts=[host for host in entry.hosts if host not in hosts],
        environment=[variable for variable in entry.environment if variable not in environment],
    )


def describe_demands(name: str, demands: "Demands") -> list[str]:
    """Return lines with the hosts and variables that a person must confirm."""
    lines = []
    if demands.hosts:
        lines.append(f"{name} sends requests, and your credentials for it, to: {', '.join(demands.hosts)}")
    if demands.environment:
        lines.append(f"{name} reads these environment variables: {', '.join(demands.environment)}")
    return lines


def confirm_demands(app: App, lines: Sequence[str], command: str, *, yes: bool) -> bool:
    """Return whether a person confirms what the lines show. Raises UsageError if no prompt is possible."""
    for line in lines:
        app.err(line)
    if yes or not lines:
        return True
    if not app.interactive:
        raise UsageError(
            "input is not a terminal, so nobody can confirm", hint=f"check what is listed above, then run {command}"
        )
    return app.ask("use it? [y/N]").strip().lower() in ("y", "yes")


def add_from_git(
    app: App, root: Path, name: str, source: "GitSource", *, yes: bool, force: bool
) -> "FetchedConnector | None":
    """Add a connector from Git to the workspace at `root`; None if nobody confirms it."""
    from conn_engine.updates.adding import build_completely, check_connector
    from conn_engine.updates.lock import lock_copy

    target = check_connector(root, name, force=force)
    fetched = fetch_connector(app, name, source)
    lines = describe_demands(name, find_unconfirmed(fetched.entry, None))
    at = f"@{source.revision}" if source.revision else ""
    address = f"{source.source.partition('#')[0]}{at}{f'#{source.path}' if source.path else ''}"
    if not confirm_demands(app, lines, f"conn new {name} --from {address} --yes", yes=yes):
        return None

    def build(folder: Path) -> None:
        for path, content in fetched.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)

    build_completely(target, build)
    lock_copy(root, name, fetched.entry, fetched.files)
    return fetched
