"""Converts the files of a call to recorded parts and back. Only small files are recorded: they are test fixtures."""

import base64

from conn_engine.bodies import Upload
from conn_engine.errors import UsageError
from conn_engine.recordings.files import RecordedPart

__all__ = ["to_recorded_part", "to_upload"]

MAX_KEPT = 1024 * 1024


def to_recorded_part(name: str, upload: Upload) -> RecordedPart:
    """Return a file in recorded form. Raises UsageError if it is larger than 1 MiB."""
    if upload.size > MAX_KEPT:
        raise UsageError(
            f'the file "{name}" is too large to record: {upload.size:,} bytes, and the limit is 1 MiB',
            hint="record the operation with a smaller file",
        )
    with upload.open() as reader:
        raw = reader.read()
    described = {"name": name, "filename": upload.filename, "content_type": upload.content_type}
    try:
        return RecordedPart(**described, text=raw.decode())
    except UnicodeDecodeError:
        return RecordedPart(**described, base64=base64.b64encode(raw).decode())


def to_upload(part: RecordedPart) -> Upload:
    """Return the file that a recorded part describes."""
    raw = (part.text or "").encode() if part.base64 is None else base64.b64decode(part.base64)
    return Upload(raw, part.filename, part.content_type)
