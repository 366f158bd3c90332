"""Imports and exports HAR files. `recordings.har` knows the format, `recordings.files` redacts."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Unpack

from conn_engine.config import Effective, OperationName
from conn_engine.documents import WriteOptions, dump_json, write_whole
from conn_engine.errors import UsageError
from conn_engine.personal import PersonalSummary
from conn_engine.recordings.files import Recording, load_recording, redact_recording, save_recording
from conn_engine.recordings.har import export_har, import_har
from conn_engine.runtime.variants import base_url
from conn_engine.secrets import Redactor
from conn_engine.secrets.wary_redaction import WaryRedactor
from conn_engine.testing.personal import PersonalData, save_without_personal_data
from conn_engine.testing.request_credentials import find_credential_places, find_declared_headers
from conn_engine.wire import Clock

__all__ = ["export_recording", "import_recording"]

MAX_BYTES = 256 * 1024 * 1024


def import_recording(
    effective: Effective,
    name: OperationName,
    source: Path,
    target: Path,
    *,
    scenario: str,
    redactor: Redactor,
    clock: Clock,
    personal: PersonalData | None = None,
    unanswered: list[str] | None = None,
    **placing: Unpack[WriteOptions],
) -> tuple[int, PersonalSummary | None]:
    """Write a recording of the exchanges in a HAR file that went to the connector's hosts. With `personal`, pseudonyms
    replace personal data. Returns the number of exchanges, and the summary of what was replaced. `unanswered` collects
    the requests without a response.

    Raises UsageError if the file cannot be read, and ConfigurationError if it is not a HAR file, has no such exchange,
    or cannot be saved safely (REC002, REC005).
    """
    try:
        if source.stat().st_size > MAX_BYTES:
            raise UsageError(f"{source.name} is larger than {MAX_BYTES // 2**20} MiB", hint="export a shorter session")
        content = source.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot read {source.name}: {(error.strerror or str(error)).lower()}",
            hint="correct the path or the permissions of the file",
        ) from error
    places = find_credential_places(effective)
    wary = WaryRedactor(redactor, [place.name for place in places if place.kind == "parameter"])
    exchanges = import_har(
        content,
        hosts=effective.hosts,
        redactor=wary,
        places=places,
        declared=find_declared_headers(effective),
        file=source.name,
        unanswered=unanswered,
    )
    recording = Recording(
        connector=effective.connector_name,
        operation=name.text,
        scenario=scenario,
        source="har",
        recorded_at=datetime.fromtimestamp(clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        note=f"Imported from {source.name}.",
        base_url=base_url(effective),
        exchanges=exchanges,
    )
    if personal is None:
        save_recording(target, recording, wary, **placing)
        return len(exchanges), None
    clean = redact_recording(recording, wary)
    _, summary = save_without_personal_data(target, effective, name, clean, personal, wary, **placing)
    return len(exchanges), summary


def export_recording(source: Path, target: Path) -> int:
    """Write a recording as a HAR 1.2 file. Returns the number of exchanges."""
    recording = load_recording(source, source.name)
    write_whole(target, dump_json(export_har(recording)))
    return len(recording.exchanges)
