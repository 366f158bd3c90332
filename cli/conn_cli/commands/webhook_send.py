"""`conn webhook send`: send a recorded delivery to your receiver, as the vendor would now."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conn_cli.console import App
from conn_cli.delivery_options import Account, Connector, DeliveryOwner, find_owner, read_delivery, read_secrets
from conn_cli.delivery_options import Secrets as SecretOptions
from conn_cli.exits import Exit
from conn_cli.options import Formats, format_option
from conn_engine.errors import UsageError
from conn_engine.urls import split_plain_url

if TYPE_CHECKING:
    from conn_engine.reports import Report
    from conn_engine.wire import Request, Response

__all__ = ["send"]

_SHOWN = 2_000


def send(
    context: typer.Context,
    *,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Recorded delivery. - reads standard input.")],
    to: Annotated[str, typer.Option("--to", metavar="URL", help="URL of your receiver.")],
    account: Account = None,
    connector: Connector = None,
    secret: SecretOptions = None,
    key: Annotated[
        Path | None, typer.Option("--key", help="Sign with this private key (PEM), where the real one is the vendor's.")
    ] = None,
    host: Annotated[
        str | None,
        typer.Option("--host", help="Confirm the receiver's host. Required unless the receiver runs on this machine."),
    ] = None,
    really: Annotated[bool, typer.Option("--send", help="Send the request. Default: show it without sending.")] = False,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Post a recorded delivery to your own receiver.

    The delivery is signed again, at the current time, with the account's secrets or, if it has none, with those of the
    file.

    \b
    Example:
      conn webhook send created.json --to http://127.0.0.1:8000/hooks --send
    """
    app: App = context.obj
    _check_target(to, host)
    address = find_owner(app, account, connector)
    request = _request(app, address, file, to, read_secrets(app, secret), key)
    if not really:
        _plan(app, request, address, formats)
        raise typer.Exit(Exit.USAGE)
    raise typer.Exit(_send(app, request, formats))


def _check_target(to: str, host: str | None) -> None:
    from conn_engine.transport.gateway import is_loopback, parse_target

    target = parse_target(to)
    if is_loopback(target.host):
        return
    if target.scheme != "https":
        raise UsageError(
            f"--to {to}: https is required, unless the receiver is on this machine", hint="pass an https URL"
        )
    if host is None or host.lower() != target.host:
        raise UsageError(
            f"--to leads to {target.host}, which is not this machine",
            hint=f"if the receiver is yours, add --host {target.host} (the request is signed like the vendor's own)",
        )


def _request(  # noqa: PLR0917
    app: App, address: DeliveryOwner, file: str, to: str, own_secrets: dict[str, str], key: Path | None
) -> "Request":
    from conn_engine.auth.signing.keys import load_private_key
    from conn_engine.testing.deliveries.sending import sendable

    recorded = read_delivery(app, file, None).recorded
    if recorded is None:
        raise UsageError(f"{file} is not a recorded delivery", hint="record it first: conn webhook record NAME FILE")
    private = None
    if key is not None:
        try:
            private = load_private_key((app.folder / key).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            reason = str(error.strerror).lower() if isinstance(error, OSError) else "it is not text"
            raise UsageError(
                f"cannot read --key {key}: {reason}", hint="pass a file with a private key in PEM format"
            ) from None
    secrets = {**_load_secrets(app, address), **own_secrets}
    return sendable(address.load_effective(app), recorded, to, app.clock.now(), secrets=secrets, private=private)


def _load_secrets(app: App, address: DeliveryOwner) -> dict[str, Any]:
    """Return the secrets of the account, including those in environment variables."""
    from conn_engine.runtime.webhooks import Receiver

    wiring = Receiver(app.workspace, app.environ, clock=app.clock, redactor=app.redactor).get_wiring(
        address.account, address.connector
    )
    variables = {f"env.{name}": app.environ[name] for name in wiring.effective.env_names if app.environ.get(name)}
    return {**wiring.session.document, **variables}


def _plan(app: App, request: "Request", address: DeliveryOwner, formats: Formats) -> None:
    from conn_cli.report import write_report

    text = {"text": lambda: _plan_text(app, request)}
    write_report(lambda: _plan_report(app, request, address), formats or [], text, app, folder=app.folder)
    app.err("add --send to send it")


def _plan_text(app: App, request: "Request") -> str:
    from conn_cli.formatting import join_lines
    from conn_engine.transport.plan import format_curl

    parts = split_plain_url(request.url)
    lines = [
        f"plan for {parts.scheme}://{parts.netloc}: nothing was sent",
        f"  {request.method} {app.redactor.url(request.url)}",
        *(f"  {name}: {value}" for name, value in request.headers.pairs),
    ]
    if request.body:
        lines.append(f"  {request.body.decode('utf-8', 'replace')}")
    return join_lines([*lines, f"\n{format_curl(request, app.redactor)}"])


def _plan_report(app: App, request: "Request", address: DeliveryOwner) -> "Report":
    from conn_engine.runtime.report import PlanReport, describe_request

    request_row = describe_request(request, app.redactor)
    return PlanReport(operation=None, account=address.account, reads=[], request=request_row)


def _send(app: App, request: "Request", formats: Formats) -> Exit:
    from conn_cli.report import write_report
    from conn_engine.transport.live import Live

    trust = app.workspace.trust.extend_to_url(request.url)
    with Live(app.redactor, max_redirects=0, trust=trust, clock=app.clock) as live:
        response = live.send(request)
    url = app.redactor.url(request.url)
    text = {"text": lambda: _sent_text(response, url)}
    write_report(lambda: _sent_report(response, url), formats or [], text, app, folder=app.folder)
    return Exit.OK if 200 <= response.status < 300 else Exit.VENDOR


def _sent_text(response: "Response", url: str) -> str:
    head = f"{response.status} from {url}\n"
    if not response.body:
        return head
    text = response.body.decode("utf-8", "replace")
    return f"{head}{text if len(text) <= _SHOWN else f'{text[:_SHOWN]}…'}\n"


def _sent_report(response: "Response", url: str) -> "Report":
    from conn_engine.runtime.report import SentReport

    return SentReport(url=url, status=response.status, body=response.body.decode("utf-8", "replace"))
