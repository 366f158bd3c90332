"""Rules for recordings: how old they may be, and how to record one again."""

import json
import shlex
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from msgspec import UNSET

from conn_engine.config import Workspace
from conn_engine.diagnostics import Diagnostic, Span, diagnostic
from conn_engine.errors import ConnError
from conn_engine.listing.incremental.durations import add_duration, parse_duration
from conn_engine.recordings.files import Recording, load_recording

__all__ = ["RecordingAges"]

_LONGEST_BODY = 500


class RecordingAges:
    """Finds the live recordings of a workspace that are older than `recordings.max_age`. Others never get old: nobody
    can record them again."""

    def __init__(self, workspace: Workspace, now: float) -> None:
        self._workspace = workspace
        self._now = datetime.fromtimestamp(now, UTC)
        self._max_age = workspace.settings.recordings.max_age

    def find_outdated(self) -> list[Diagnostic]:
        """Return the findings for the recordings that are too old, the oldest first."""
        found = []
        for path in sorted((self._workspace.root / "connectors").glob("*/recordings/**/*.json")):
            file = self._workspace.format_path(path)
            try:
                recording = load_recording(path, file)
            except ConnError:  # lint reports it
                continue
            found += [(recording.recorded_at, finding) for finding in self.check(recording, file)]
        return [finding for _, finding in sorted(found, key=lambda row: row[0])]

    def check(self, recording: Recording, file: str) -> Iterator[Diagnostic]:
        """REC180: a live recording is too old."""
        recorded_at = _parse_time(recording.recorded_at)
        if self._max_age == "never" or recording.source != "live" or recorded_at is None:
            return
        if add_duration(recorded_at, parse_duration(self._max_age)) < self._now:
            yield diagnostic(
                "REC180",
                f"{recording.operation} was recorded on {recorded_at.date()}, longer ago than `recordings.max_age` "
                f"({self._max_age})",
                Span(file),
                path="recorded_at",
                hint=f"record it again: {self._format_command(recording)}",
            )

    def _format_command(self, recording: Recording) -> str:
        """Return the command that makes a recording again, with `ACCOUNT` if several accounts are possible."""
        accounts = [recording.account] if recording.account else self._accounts.get(recording.connector, [])
        account = accounts[0] if len(accounts) == 1 else "ACCOUNT"
        words = ["conn", "record", recording.operation, "--account", account]
        words += ["--own"] if recording.account else []
        words += ["--raw"] if recording.operation.count(".") == 1 else []
        return shlex.join([*words, *_list_call_options(recording), "--force"])

    @cached_property
    def _accounts(self) -> dict[str, list[str]]:
        """The accounts of each connector."""
        accounts: dict[str, list[str]] = {}
        for name in self._workspace.accounts():
            with suppress(ConnError):  # lint reports it
                data = self._workspace.document("account", name).data
                if isinstance(data, Mapping):
                    accounts.setdefault(str(data.get("connector")), []).append(name)
        return accounts


def _list_call_options(recording: Recording) -> list[str]:
    """Return the options of `conn record` that repeat the call."""
    call = recording.call
    values = ({} if call.id is None else {"id": call.id}) | call.params | call.query
    words = [word for name, value in values.items() for word in ("--param", f"{name}={_format_value(value)}")]
    if call.body is not UNSET:
        body = json.dumps(call.body, ensure_ascii=False)
        words += ["--body", body if len(body) <= _LONGEST_BODY else "@FILE", "--send"]
    words += [word for name in call.files for word in ("--file", f"{name}=PATH")]
    words += ["--pages", str(call.pages)] if call.pages is not None else []
    words += ["--wait"] if call.wait else []
    return words + (["--scenario", recording.scenario] if recording.scenario != "default" else [])


def _format_value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _parse_time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
