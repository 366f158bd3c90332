"""The files of a call in a recording, and back. They are small: a test's fixtures, not somebody's archive."""

import base64

from conn_engine.bodies import Upload
from conn_engine.errors import UsageError
from conn_engine.recordings.files import RecordedPart

__all__ = ["to_recorded_part", "to_upload"]

MAX_KEPT = 1024 * 1024


def to_recorded_part(name: str, upload: Upload) -> RecordedPart:
    """A file as it is kept. Raises UsageError for one that is larger than 1 MiB."""
    if upload.size > MAX_KEPT:
        raise UsageError(
            f'the file "{name}" is too large for a recording: {upload.size} bytes, of which 1 MiB is kept',
            hint="record the operation with a smaller file",
        )
    with upload.open() as reader:
        raw = reader.read()
    told = {"name": name, "filename": upload.filename, "content_type": upload.content_type}
    try:
        return RecordedPart(**told, text=raw.decode())
    except UnicodeDecodeError:
        return RecordedPart(**told, base64=base64.b64encode(raw).decode())


def to_upload(part: RecordedPart) -> Upload:
    """The file that a recording stands for."""
    raw = (part.text or "").encode() if part.base64 is None else base64.b64decode(part.base64)
    return Upload(raw, part.filename, part.content_type)
