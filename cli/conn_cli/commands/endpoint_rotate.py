"""`conn endpoint rotate`: make a new secret for an endpoint in the vault of the store, and end the previous ones."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.commands.sync.parameters import FormatOption, Store
from conn_cli.console import App

if TYPE_CHECKING:
    from conn_engine.command_reports import RotatedSecretReport
    from conn_service.syncs.worker import SyncWorker

__all__ = ["format_time", "rotate_command"]


def rotate_command(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The endpoint, as conn endpoint list shows it.")],
    *,
    overlap: Annotated[
        str | None,
        typer.Option(
            "--overlap", metavar="DURATION", help="Let the previous secret sign, too, for PT12H, P7D … Default: P1D."
        ),
    ] = None,
    ed25519: Annotated[
        bool, typer.Option("--ed25519", help="Make a pair of keys: receivers need only the public one.")
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Print the new secret, once.")] = False,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Print the secret in the vault, if it was never shown; make no new one.")
    ] = False,
    end: Annotated[
        bool, typer.Option("--end", help="End the previous secrets now, before their time; make no new one.")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Use the secret of the document again, and remove that in the vault.")
    ] = False,
    store: Store = None,
    formats: FormatOption = None,
) -> None:
    """Make a new secret for an endpoint, and store it in the vault.

    It replaces `secret` and `previous_secret` of the document. Until --overlap is over, events have a signature with
    the previous secret, too. The vault is that of the store, and needs CONN_VAULT_KEY.

    \b
    Examples:
      conn endpoint rotate default --show
      conn endpoint rotate accounts/acme/default --overlap P7D
      conn endpoint rotate default --end
    """
    from conn_cli.report import write_report
    from conn_cli.sync_worker import open_worker
    from conn_engine.errors import UsageError

    app: App = context.obj
    chosen = [option for option, is_on in (("--reveal", reveal), ("--end", end), ("--remove", remove)) if is_on]
    others = [option for option, is_on in (("--overlap", overlap), ("--ed25519", ed25519), ("--show", show)) if is_on]
    if len(chosen) > 1 or (chosen and others):
        raise UsageError(f"{chosen[0]} excludes {[*chosen[1:], *others][0]}", hint="pass one of them")
    with open_worker(app, store) as worker:
        if chosen:
            report = _change(worker, name, chosen[0])
        else:
            report = _rotate(worker, name, overlap, is_private=ed25519, is_shown=show)
    write_report(lambda: report, formats or [], {"text": lambda: _draw(report)}, app, folder=app.folder)


def format_time(moment: float | None) -> str | None:
    """Return a time in Unix seconds as text."""
    return None if moment is None else f"{datetime.fromtimestamp(int(moment), UTC):%Y-%m-%dT%H:%M:%SZ}"


def _rotate(
    worker: "SyncWorker", name: str, overlap: str | None, *, is_private: bool, is_shown: bool
) -> "RotatedSecretReport":
    from conn_engine.command_reports import RotatedSecretReport
    from conn_service.delivery import DEFAULT_OVERLAP, find_endpoint, parse_overlap

    seconds = parse_overlap(DEFAULT_OVERLAP if overlap is None else overlap)
    secrets, (_, workspace) = worker.secrets, worker.releases.get_current()
    endpoint = find_endpoint(workspace, name, environ=secrets.environ, stored=secrets.find)
    done = secrets.rotate(endpoint.key, endpoint.signing_keys, seconds, is_private=is_private, is_shown=is_shown)
    return RotatedSecretReport(
        endpoint=endpoint.name,
        action="rotated",
        secret=done.secret if is_shown else None,
        public_key=done.public_key or None,
        previous_until=format_time(done.previous_until),
    )


def _change(worker: "SyncWorker", name: str, option: str) -> "RotatedSecretReport":
    """Show or end what is in the vault, or remove it. The endpoint may not be in a document any more."""
    from conn_engine.command_reports import RotatedSecretReport
    from conn_service.delivery import find_key, name_endpoint

    key = find_key(worker.releases.get_current()[1], name)
    if option == "--reveal":
        done = worker.secrets.show(key)
        return RotatedSecretReport(
            endpoint=name_endpoint(key),
            action="shown",
            secret=done.secret,
            public_key=done.public_key or None,
            previous_until=format_time(done.previous_until),
        )
    if option == "--end":
        worker.secrets.end_previous(key)
    else:
        worker.secrets.remove(key)
    return RotatedSecretReport(
        endpoint=name_endpoint(key),
        action="ended" if option == "--end" else "removed",
        secret=None,
        public_key=None,
        previous_until=None,
    )


def _draw(report: "RotatedSecretReport") -> str:
    name, until = report.endpoint, report.previous_until
    if report.action == "ended":
        return f"{name}: only the secret in the vault signs now\n"
    if report.action == "removed":
        return f"{name}: the secret of its document signs now\n"
    lines = [] if report.secret is None else [report.secret]
    if report.public_key is not None:
        lines.append(f"public key for receivers: {report.public_key}")
    if report.action == "rotated":
        previous = f"; the previous one signs until {until}" if until else ""
        lines.append(f"{name}: a new secret is in the vault{previous}")
        if report.secret is None and report.public_key is None:
            lines.append(f"next: print it once for the receivers: conn endpoint rotate {name} --reveal")
    return "\n".join(lines) + "\n"
