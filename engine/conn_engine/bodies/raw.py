"""Raw bodies: a string, bytes, or a file, with the configured content type."""

from collections.abc import Mapping
from typing import Any

from conn_engine.bodies.parts import Payload, Upload, to_part
from conn_engine.errors import ConfigurationError

__all__ = ["encode_raw"]


def encode_raw(data: Any, files: Mapping[str, Upload]) -> tuple[Payload, str]:
    """Return the body and its content type. Data is a string or a part (`{file, content_type}` …); without it, the
    call's only file is sent. Raises ConfigurationError for anything else."""
    if data is None and len(files) == 1:
        data = {"file": next(iter(files))}
    if isinstance(data, str):
        data = {"text": data}
    part = to_part(data, files)
    if part is None:
        raise ConfigurationError(
            "a raw body must be text, or an object with one of text, base64, file and json, and a content_type",
            hint="to send data, use another `body_format`: json, form, multipart, xml, graphql",
        )
    return Payload([part.content]), part.content_type
