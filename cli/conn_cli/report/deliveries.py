"""Draw the replayed deliveries in the report of `conn test`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from conn_cli.report.goldens import describe_golden
from conn_cli.report.text import Piece
from conn_engine.diagnostics import pluralize
from conn_engine.urls import split_plain_url

if TYPE_CHECKING:
    from conn_engine.config import OperationName
    from conn_engine.testing.deliveries.replaying import DeliveryOutcome
    from conn_engine.testing.judgement import Verdict

__all__ = ["count_deliveries", "draw_delivery", "is_delivery"]


def is_delivery(name: "OperationName") -> bool:
    """Return whether a name is that of a recorded delivery instead of an operation."""
    from conn_engine.testing.deliveries.cases import DeliveryName

    return isinstance(name, DeliveryName)


def count_deliveries(number: int) -> list[str]:
    """Return the number of recorded deliveries in words, or nothing for none."""
    return [f"{number:,} recorded {'delivery' if number == 1 else 'deliveries'}"] if number else []


def draw_delivery(judgement: "Verdict", outcome: "DeliveryOutcome") -> Iterator[Piece]:
    """Draw a recorded delivery: its address, the reply and its events."""
    from conn_engine.testing.deliveries.cases import DeliveryCase

    case = judgement.case
    assert isinstance(case, DeliveryCase)  # noqa: S101 - a delivery's outcome has a delivery's case
    delivery = case.delivery
    yield f"  {delivery.method} {split_plain_url(delivery.url).path or '/'}", "bold"
    status = outcome.reply.status if outcome.reply is not None else "-"
    requests = f", {pluralize(len(outcome.sent), 'request')}" if outcome.sent else ""
    yield f"   {status}   replay: {delivery.source} {delivery.received_at[:10]}{requests}\n", ""
    yield f"    {_verdict(judgement, outcome)}\n", "error" if judgement.failed else "good"


def _verdict(judgement: "Verdict", outcome: "DeliveryOutcome") -> str:
    parts = []
    if outcome.refusal is not None:
        parts.append(f"refused: {outcome.refusal.message}")
    elif outcome.error is not None:
        parts.append(f"ends with an error: {outcome.error.message}")
    if outcome.verified_by:
        by = outcome.verified_by
        parts.append("not verified" if by == "none" else f"verified by {by}" if by != "as recorded" else by)
    if outcome.challenge is not None:
        parts.append(f"challenge {outcome.challenge}")
    elif outcome.error is None:
        kinds = ", ".join(dict.fromkeys(event["type"] for event in outcome.records))
        parts.append(f"{pluralize(len(outcome.records), 'event')}{f' ({kinds})' if kinds else ''}")
    return " · ".join([*parts, *describe_golden(judgement)])
