"""Rules for recordings: how old they may be, and how to record one again."""

import json
import shlex
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import UNSET

from conn_engine.config import Workspace
from conn_engine.diagnostics import Diagnostic, Span, diagnostic
from conn_engine.errors import ConnError
from conn_engine.listing.incremental.durations import add_duration, parse_duration
from conn_engine.recordings.files import Recording, load_recording

__all__ = ["check_age", "find_outdated_recordings", "format_record_command"]

_LONGEST_BODY = 500


def find_outdated_recordings(workspace: Workspace, now: float) -> Iterator[tuple[Recording, Diagnostic]]:
    """Yield the live recordings that are older than `recordings.max_age`, oldest first, with their findings."""
    found = []
    for path in sorted((workspace.root / "connectors").glob("*/recordings/**/*.json")):
        file = workspace.format_path(path)
        try:
            recording = load_recording(path, file)
        except ConnError:  # lint reports it
            continue
        found += [(recording, finding) for finding in check_age(workspace, recording, file, now)]
    yield from sorted(found, key=lambda row: row[0].recorded_at)


def check_age(workspace: Workspace, recording: Recording, file: str, now: float) -> Iterator[Diagnostic]:
    """REC180: a live recording is older than `recordings.max_age`. Others never age: nobody can record them again."""
    max_age = workspace.settings.recordings.max_age
    recorded_at = _parse_time(recording.recorded_at)
    if max_age == "never" or recording.source != "live" or recorded_at is None:
        return
    today = datetime.fromtimestamp(now, UTC)
    if add_duration(recorded_at, parse_duration(max_age)) < today:
        yield diagnostic(
            "REC180",
            f"{recording.operation} was recorded on {recorded_at.date()}, longer ago than `recordings.max_age` "
            f"({max_age})",
            Span(file),
            path="recorded_at",
            hint=f"record it again: {format_record_command(workspace, recording)}",
        )


def _parse_time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def format_record_command(workspace: Workspace, recording: Recording) -> str:
    """Return the command that makes a recording again. `ACCOUNT` is to be replaced if several accounts are possible."""
    call = recording.call
    words = [
        "conn",
        "record",
        recording.operation,
        "--account",
        recording.account or _find_only_account(workspace, recording),
    ]
    words += ["--own"] if recording.account else []
    words += ["--raw"] if recording.operation.count(".") == 1 else []
    values = ({} if call.id is None else {"id": call.id}) | call.params | call.query
    words += [word for name, value in values.items() for word in ("--param", f"{name}={_format_value(value)}")]
    if call.body is not UNSET:
        body = json.dumps(call.body, ensure_ascii=False)
        words += ["--body", body if len(body) <= _LONGEST_BODY else "@FILE", "--send"]
    words += [word for name in call.files for word in ("--file", f"{name}=PATH")]
    words += ["--pages", str(call.pages)] if call.pages is not None else []
    words += ["--wait"] if call.wait else []
    words += ["--scenario", recording.scenario] if recording.scenario != "default" else []
    return shlex.join([*words, "--force"])


def _format_value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _find_only_account(workspace: Workspace, recording: Recording) -> str:
    """Return the account of the connector, if there is exactly one."""
    accounts = []
    for name in workspace.accounts():
        try:
            data = workspace.document("account", name).data
        except ConnError:  # lint reports it
            continue
        if isinstance(data, Mapping) and data.get("connector") == recording.connector:
            accounts.append(name)
    return accounts[0] if len(accounts) == 1 else "ACCOUNT"
