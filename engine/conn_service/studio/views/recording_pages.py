"""Recordings and webhook deliveries: what was sent, what came back, and what becomes of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import UNSET, to_builtins

from conn_engine.config import Effective
from conn_engine.documents import dump_json
from conn_engine.errors import ConnError, UsageError
from conn_engine.recordings.files import Exchange, Recording
from conn_engine.secrets import is_secret_name
from conn_engine.testing.deliveries.cases import DeliveryCase, find_deliveries
from conn_engine.testing.deliveries.replaying import replay_delivery
from conn_engine.urls import split_plain_url
from conn_service.studio.drafts import StudioWorkspace
from conn_service.studio.views.page_request import PageRequest

__all__ = ["show_deliveries", "show_recording", "show_recordings"]

_LONGEST = 40_000
_MOST_EXCHANGES = 50


def show_recordings(studio: StudioWorkspace, request: PageRequest) -> dict[str, Any]:
    """Return the recordings of all connectors, or of one."""
    connector = request.query.get("connector", "")
    return {"connector": connector, "rows": list(_list_recordings(studio, connector)), "all": studio.saved.connectors()}


def _list_recordings(studio: StudioWorkspace, only: str) -> Iterator[dict[str, Any]]:
    for connector in studio.saved.connectors():
        if only not in ("", connector):
            continue
        folder = studio.root / "connectors" / connector / "recordings"
        for path in sorted(folder.rglob("*.json")):
            name = path.relative_to(folder).as_posix()
            row = {"connector": connector, "name": name, "error": ""}
            try:
                studio.saved.check_inside(path)
                recording = studio.read_recording(path)
            except ConnError as error:
                yield {**row, "error": error.message}
                continue
            yield {
                **row,
                "operation": recording.operation,
                "scenario": recording.scenario,
                "account": recording.account or ("" if path.parent == folder else path.parent.name),
                "source": recording.source,
                "date": recording.recorded_at[:10],
                "exchanges": len(recording.exchanges),
                "statuses": sorted({exchange.response.status for exchange in recording.exchanges}),
            }


def show_recording(studio: StudioWorkspace, request: PageRequest) -> dict[str, Any]:
    """Return the requests and answers of one recording. Raises UsageError if no recording has this name."""
    connector, name = request.query.get("connector", ""), request.query.get("name", "")
    studio.saved.file("connector", connector)
    folder = studio.root / "connectors" / connector / "recordings"
    path = next((path for path in folder.rglob("*.json") if path.relative_to(folder).as_posix() == name), None)
    if path is None:
        raise UsageError(f'{connector} has no recording "{name}"', hint="choose one of the list")
    studio.saved.check_inside(path)
    recording = studio.read_recording(path)
    return {
        "connector": connector,
        "name": name,
        "file": studio.saved.format_path(path),
        "recording": recording,
        "call": _format(to_builtins(recording.call)),
        "exchanges": [_describe_exchange(exchange) for exchange in recording.exchanges[:_MOST_EXCHANGES]],
        "more": max(0, len(recording.exchanges) - _MOST_EXCHANGES),
        "accounts": [
            account
            for account in studio.saved.accounts()[:500]
            if _uses(studio, account, connector) and recording.account in ("", account)
        ][:20],
        "is_unified": recording.operation.count(".") == 2,
        "again": _describe_again(connector, recording, is_own=path.parent != folder),
    }


def _describe_again(connector: str, recording: Recording, *, is_own: bool) -> dict[str, str]:
    """Return the parameters of the page that records it again, with the same call as far as it has plain values."""
    call, is_unified = recording.call, recording.operation.count(".") == 2
    values = {"id": call.id, **call.params, **call.query}
    lines = [f"{key}={value}" for key, value in values.items() if isinstance(value, str | int | float)]
    return {
        "connector": connector,
        "operation": recording.operation if is_unified else f"{connector}:{recording.operation}",
        "scenario": recording.scenario,
        "values": "\n".join(lines),
        "own": "yes" if is_own else "",
    }


def _uses(studio: StudioWorkspace, account: str, connector: str) -> bool:
    try:
        return studio.saved.account(account).connector == connector
    except ConnError:
        return False


def _describe_exchange(exchange: Exchange) -> dict[str, Any]:
    request, response = exchange.request, exchange.response
    body = request.body if request.body is not UNSET else request.form or request.text or UNSET
    parts = split_plain_url(request.url)
    return {
        "method": request.method,
        "host": parts.hostname or "",
        "path": parts.path,
        "query": [*(to_builtins(request.query)).items()],
        "headers": [(name, _hide(name, text)) for name, text in request.headers.items()],
        "body": "" if body is UNSET else _format(body),
        "status": response.status,
        "is_good": response.status < 400,
        "response_headers": [(name, _hide(name, text)) for name, text in response.headers.items()],
        "response": _format(response.body) if response.body is not UNSET else (response.text or ""),
    }


def _hide(name: str, text: str) -> str:
    return "(not shown)" if is_secret_name(name) else text


def _format(value: Any) -> str:
    text = value if isinstance(value, str) else dump_json(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\n… {len(text) - _LONGEST:,} characters more"


def show_deliveries(studio: StudioWorkspace, request: PageRequest) -> dict[str, Any]:
    """Return the recorded deliveries of an account's connector, or of all connectors, with their events."""
    account = request.query.get("account", "")
    if account:
        sources = [studio.find_effective(account)]
    else:
        sources = list(_find_receiving(studio))
    rows = [_describe_delivery(studio, effective, case) for effective, case in _list_deliveries(studio, sources)]
    return {"account": account, "rows": rows, "accounts": studio.saved.accounts()[:200]}


def _find_receiving(studio: StudioWorkspace) -> Iterator[Effective]:
    for connector in studio.saved.connectors():
        folder = studio.root / "connectors" / connector / "deliveries"
        if any(folder.glob("*.json")):
            try:
                yield studio.saved.effective(account=None, connector=connector)
            except ConnError:
                continue


def _list_deliveries(studio: StudioWorkspace, sources: list[Effective]) -> Iterator[tuple[Effective, DeliveryCase]]:
    for effective in sources:
        try:
            yield from ((effective, case) for case in find_deliveries(studio.saved, effective))
        except ConnError:
            continue


def _describe_delivery(studio: StudioWorkspace, effective: Effective, case: DeliveryCase) -> dict[str, Any]:
    outcome = replay_delivery(effective, case.delivery)
    return {
        "connector": effective.connector_name,
        "name": case.name.method,
        "file": studio.saved.format_path(Path(case.path)),
        "status": outcome.reply.status if outcome.reply is not None else "",
        "is_good": outcome.error is None,
        "error": "" if outcome.error is None else outcome.error.message,
        "verified_by": outcome.verified_by,
        "events": [_format(event) for event in outcome.records],
        "names": [str(event.get("type", "")) if isinstance(event, dict) else "" for event in outcome.records],
    }
