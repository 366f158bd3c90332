"""`conn webhook`: verify, record, receive and send webhook deliveries."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.commands import webhook_listen, webhook_record, webhook_scheme, webhook_send, webhook_subscribe
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
    find_owner,
    parse_time,
    read_delivery,
    read_secrets,
    to_json_line,
)
from conn_cli.exits import Exit
from conn_cli.formatting import join_lines
from conn_cli.options import Formats, JsonAlias, format_option
from conn_engine.diagnostics import pluralize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conn_engine.reports import Report
    from conn_engine.runtime.webhooks import Receipt
    from conn_engine.testing.deliveries.trial import Trial
    from conn_engine.webhooks import Delivery
    from conn_engine.webhooks.recorded import RecordedDelivery

__all__ = ["group"]

group = typer.Typer(name="webhook", help="Verify, record, receive and send webhook deliveries.", no_args_is_help=True)
group.command("record")(webhook_record.record)
group.command("listen")(webhook_listen.listen)
group.command("send")(webhook_send.send)
group.command("scheme")(webhook_scheme.scheme)
group.command("subscribe")(webhook_subscribe.subscribe)
group.command("renew")(webhook_subscribe.renew)
group.command("unsubscribe")(webhook_subscribe.unsubscribe)


@group.command("check", hidden=True)  # the earlier name, removed in the next version
@group.command("verify")
def verify(
    context: typer.Context,
    *,
    file: File,
    account: Account = None,
    connector: Connector = None,
    at: At = None,
    url: Url = None,
    secret: Secrets = None,
    formats: Annotated[Formats, format_option()] = None,
    as_json: JsonAlias = False,
) -> None:
    """Verify a delivery, and show its events and the reply.

    Nothing is stored or sent. Exits with 4 if the delivery is refused.

    \b
    Example:
      conn webhook verify delivery.txt --account acme
    """
    from conn_cli.report import write_report
    from conn_engine.runtime.field_problems import describe_problem

    app: App = context.obj
    address = find_owner(app, account, connector)
    secrets = read_secrets(app, secret)
    content = read_delivery(app, file, url)
    if content.recorded is not None:
        delivery, receipt = _replay_delivery(app, address, content.recorded, secrets, parse_time(at))
        notes: tuple[str, ...] = ()
    else:
        assert content.delivery is not None  # noqa: S101 - a file has one of the two
        delivery = content.delivery
        trial = build_trial(app, secrets, parse_time(at))
        receipt = trial.receive(delivery, account=address.account, connector=address.connector)
        notes = _describe_withheld(trial, receipt)
    specs = formats or (["json"] if as_json else [])
    text = {"text": lambda: join_lines(_lines(app, address, delivery, receipt))}
    write_report(lambda: _report(address, receipt, notes), specs, text, app, folder=app.folder)
    for note in (*receipt.notes, *notes):
        app.err(f"note: {note}")
    for problem in receipt.problems:
        app.err(f"warning: {describe_problem(problem)}")
    if receipt.refusal is not None:
        raise typer.Exit(Exit.VENDOR)
    raise typer.Exit(Exit.OK if receipt.error is None else receipt.error.exit_code)


def _describe_withheld(trial: "Trial", receipt: "Receipt") -> tuple[str, ...]:
    if receipt.challenge is None or not trial.withheld:
        return ()
    return ("a receiver would also send a request; none was sent",)


def _replay_delivery(
    app: App, address: DeliveryOwner, recorded: "RecordedDelivery", secrets: dict[str, str], at: float | None
) -> "tuple[Delivery, Receipt]":
    """Replay a recorded delivery with its secrets, at the time when it was received."""
    from datetime import UTC, datetime

    from msgspec import structs

    from conn_engine.runtime.webhooks import Event, Receipt
    from conn_engine.testing.deliveries.replaying import replay_delivery
    from conn_engine.webhooks.recorded import to_delivery
    from conn_engine.wire import Response

    if at is not None:
        recorded = structs.replace(recorded, received_at=datetime.fromtimestamp(at, UTC).isoformat())
    recorded = structs.replace(recorded, secrets={**recorded.secrets, **secrets})
    outcome = replay_delivery(address.load_effective(app), recorded)
    receipt = Receipt(
        outcome.reply or Response(503),
        tuple(Event(account=address.account, **event) for event in outcome.records),
        outcome.verified_by,
        outcome.challenge,
        outcome.refusal,
        None if outcome.refusal is not None else outcome.error,
        outcome.notes,
        problems=outcome.problems,
    )
    return to_delivery(recorded), receipt


# --- output ---


def _report(address: DeliveryOwner, receipt: "Receipt", notes: tuple[str, ...]) -> "Report":
    from conn_engine.runtime.report import DeliveryReport

    return DeliveryReport.from_receipt(receipt, account=address.account, connector=address.connector, notes=notes)


def _lines(app: App, address: DeliveryOwner, delivery: "Delivery", receipt: "Receipt") -> "Iterator[str]":
    target = address.account or f"{address.connector} (no account)"
    yield f"{delivery.method} {app.redactor.url(delivery.url)} · {pluralize(len(delivery.body), 'byte')} · {target}"
    yield from (f"  {line}" for line in _verdict(delivery, receipt))
    for event in receipt.events:
        account = event.account or "no account"
        yield f"  event {event.type} · {account} · {event.occurred_at or 'time unknown'} · {event.id}"
        yield f"    {to_json_line(event.data)}"


def _verdict(delivery: "Delivery", receipt: "Receipt") -> list[str]:
    lines = []
    if receipt.refusal is not None:
        lines.append(f"refused: {receipt.refusal.message} ({receipt.refusal.code})")
        lines += [f"  {line}" for line in _list_fixes(delivery, receipt)]
    elif receipt.verified_by:
        lines.append(
            "not verified, as its connector declares"
            if receipt.verified_by == "none"
            else f"verified by {receipt.verified_by}"
        )
    if receipt.error is not None:
        lines.append(f"failed: {receipt.error.message}")
        lines += [f"  fix: {fix}" for fix in (receipt.error.hint, _suggest_secret(receipt)) if fix]
    if receipt.challenge is not None:
        lines.append(f"challenge {receipt.challenge}: no event")
    if receipt.captured:
        lines.append(f"contains {', '.join(receipt.captured)}, which a receiver stores")
    reply = receipt.reply
    lines.append(f"reply {reply.status}")
    lines += [f"  {name}: {value}" for name, value in reply.headers.pairs]
    if reply.body:
        lines.append(f"  {reply.body.decode('utf-8', 'replace')}")
    if receipt.refusal is None and receipt.error is None and receipt.challenge is None and not receipt.events:
        lines.append("no events")
    return lines


def _list_fixes(delivery: "Delivery", receipt: "Receipt") -> list[str]:
    refused = receipt.refusal
    if refused is None:
        return []
    lines = [f"fix: {refused.hint}"] if refused.hint else []
    if refused.code in ("unsigned", "no_timestamp"):
        lines.append(f"headers received: {', '.join(sorted(delivery.headers)) or 'none'}")
    if refused.code == "stale":
        lines.append("fix: to verify it as of the time it was sent, add --at TIME")
    if refused.code == "wrong_signature":
        lines.append("fix: to try another secret, add --secret NAME")
    return lines


def _suggest_secret(receipt: "Receipt") -> str:
    from conn_engine.errors import CredentialError

    return "pass the secret for this command only: --secret NAME" if isinstance(receipt.error, CredentialError) else ""
