"""`conn webhook record`: record a delivery for `conn test`, signed again and without real secrets."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.delivery_options import (
    Account,
    At,
    Connector,
    DeliveryOwner,
    File,
    Secrets,
    Url,
    build_trial,
    find_delivery_path,
    find_owner,
    parse_time,
    read_delivery,
    read_secrets,
)
from conn_cli.options import Formats, format_option
from conn_cli.personal_data import KeepPersonal
from conn_engine.errors import UsageError

if TYPE_CHECKING:
    from conn_engine.config import Effective
    from conn_engine.reports import Report
    from conn_engine.testing.deliveries.keeping import Received
    from conn_engine.testing.deliveries.recording import KeptDelivery
    from conn_engine.webhooks import Delivery

__all__ = ["record"]


def record(
    context: typer.Context,
    *,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name for the recorded delivery, such as contact_created.")
    ],
    file: File,
    account: Account = None,
    connector: Connector = None,
    at: At = None,
    url: Url = None,
    secret: Secrets = None,
    contract: Annotated[
        bool,
        typer.Option(
            "--contract",
            help="Sign the delivery instead of verifying it, for one copied from documentation.",
        ),
    ] = False,
    note: Annotated[str, typer.Option("--note", help="Note to store with the delivery.")] = "",
    own: Annotated[bool, typer.Option("--own", help="Store the delivery for this account only.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing delivery.")] = False,
    keep_personal: KeepPersonal = False,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Verify a delivery and record it for conn test.

    The recording has no real secret: it is signed again with throwaway secrets that are stored in the file. Personal
    data, such as names and email addresses, is replaced by pseudonyms, except with --contract. If the delivery is
    refused, nothing is recorded, and the command exits with 4.

    \b
    Example:
      conn webhook record contact_created delivery.txt --account acme
    """
    from conn_cli.personal_data import choose_personal_data, show_summary
    from conn_cli.report import write_report
    from conn_cli.scaffold import to_relative

    app: App = context.obj
    address = find_owner(app, account, connector)
    path = find_delivery_path(app, address, name, own=own)
    if path.exists() and not force:
        raise UsageError(f"{to_relative(path)} exists", hint="add --force to replace it, or choose another name")
    secrets = read_secrets(app, secret)
    delivery = read_delivery(app, file, url).delivery
    if delivery is None:
        raise UsageError(f"{file} is already a recorded delivery", hint=f"copy it to {to_relative(path)}")
    if contract:
        stored = _sign_delivery(app, address, delivery, secrets, parse_time(at), note)
    else:
        received = _receive_delivery(app, address, delivery, secrets, parse_time(at), note)
        stored = received.to_stored(choose_personal_data(app, app.workspace, keep=keep_personal))
    stored.save(path, app.redactor, within=app.workspace.root, overwrite=force)
    text = {"text": lambda: _text(stored, to_relative(path), name)}
    write_report(lambda: _report(stored, to_relative(path)), formats or [], text, app, folder=app.folder)
    show_summary(app, stored.people.summary if stored.people is not None else None)
    if stored.outcome.error is not None:
        app.err(f"warning: a replay ends with: {stored.outcome.error.message}")
    if stored.recorded.verified_by is not None:
        app.err("note: the delivery cannot be signed again, so a replay does not verify its signature")


def _text(stored: "KeptDelivery", path: str, name: str) -> str:
    from conn_cli.formatting import join_lines
    from conn_engine.diagnostics import pluralize

    outcome = stored.outcome
    manner = (
        f"challenge {outcome.challenge}" if outcome.challenge is not None else pluralize(len(outcome.records), "event")
    )
    lines = [f"recorded {manner}, {outcome.verified_by or 'not verified'}, in {path}"]
    return join_lines([*lines, f"next: look at the result: conn test webhooks {name} -v"])


def _report(stored: "KeptDelivery", path: str) -> "Report":
    from conn_cli.personal_data import describe_summary
    from conn_engine.command_reports import DeliveryRecordReport

    outcome = stored.outcome
    return DeliveryRecordReport(
        recording=path,
        events=[event["type"] for event in outcome.records],
        challenge=outcome.challenge,
        verified_by=outcome.verified_by or None,
        error=None if outcome.error is None else outcome.error.message,
        signed=stored.recorded.verified_by is None,
        personal=describe_summary(stored.people.summary if stored.people is not None else None),
    )


def _receive_delivery(  # noqa: PLR0917
    app: App, address: DeliveryOwner, delivery: "Delivery", secrets: dict[str, str], at: float | None, note: str
) -> "Received":
    """Verify a delivery with the real secrets, and record the requests that this needs. Raises if it is refused."""
    from conn_engine.testing.deliveries.keeping import keep_received
    from conn_engine.transport.live import Live

    trial = build_trial(app, secrets, at)
    with Live(app.redactor, trust=app.workspace.trust, clock=app.clock) as live:
        received = keep_received(trial, live, delivery, account=address.account, connector=address.connector, note=note)
    if received.refusal is not None:
        raise received.refusal
    if received.error is not None:
        raise received.error
    return received


def _sign_delivery(  # noqa: PLR0917
    app: App, address: DeliveryOwner, delivery: "Delivery", secrets: dict[str, str], at: float | None, note: str
) -> "KeptDelivery":
    """Sign a delivery with throwaway secrets, at `at` or the time that it contains.

    Raises UsageError if it cannot be signed.
    """
    from conn_engine.runtime.wiring import Wiring
    from conn_engine.secrets.vault.memory import MemoryVault
    from conn_engine.testing.deliveries.recording import computes_signature, read_signed_at, record_delivery
    from conn_engine.testing.deliveries.replaying import handed_over, session_of
    from conn_engine.webhooks.recorded import RecordedDelivery
    from conn_engine.wire import FrozenClock

    effective: Effective = address.load_effective(app)

    def record_signed(secrets: dict[str, str]) -> "KeptDelivery":
        placeholder = RecordedDelivery(received_at="", url=delivery.url, secrets=secrets)
        session = session_of(effective, placeholder, FrozenClock(app.clock.now()))
        received = at if at is not None else read_signed_at(effective, session, delivery) or app.clock.now()
        wiring = Wiring(effective, session, MemoryVault({}), app.redactor)
        return record_delivery(wiring, delivery, received_at=received, source="contract", note=note, is_verified=False)

    signed = record_signed(secrets)
    captured = {name: f"handed-over-{name}" for name in handed_over(effective.webhooks)}
    if signed.outcome.error is not None and captured.keys() - secrets.keys():
        signed = record_signed({**captured, **secrets})  # as if the vendor had sent these secrets before
    if signed.outcome.refusal is not None:
        session = session_of(effective, RecordedDelivery(received_at="", url=""), FrozenClock(app.clock.now()))
        if computes_signature(effective, session, delivery):
            raise UsageError(
                "the delivery cannot be signed: its signature or token is computed, and is not in the delivery itself",
                hint="find it with an expression that only selects text; for a user name and password, set `format: "
                "basic` in webhooks.verify",
            )
        raise UsageError(
            f"the delivery cannot be signed: {signed.outcome.refusal.message}",
            hint="add what the vendor would send, with any value as the signature",
        )
    return signed
