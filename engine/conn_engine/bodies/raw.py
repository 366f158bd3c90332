"""Raw bodies: a text, bytes, or a file, under the content type that the author says."""

from collections.abc import Mapping
from typing import Any

from conn_engine.bodies.parts import Payload, Upload, part_of
from conn_engine.errors import ConfigurationError

__all__ = ["encode_raw"]


def encode_raw(data: Any, files: Mapping[str, Upload]) -> tuple[Payload, str]:
    """The body and its content type. Data is a text or a part (`{file, content_type}` …); without it, the call's one
    file is meant. Raises ConfigurationError for anything else."""
    if data is None and len(files) == 1:
        data = {"file": next(iter(files))}
    if isinstance(data, str):
        data = {"text": data}
    part = part_of(data, files)
    if part is None:
        raise ConfigurationError(
            "a raw body is a text, or an object with one of text, base64, file and json, and a content_type",
            hint="data is written by another `body_format`: json, form, multipart, xml, graphql",
        )
    return Payload([part.content]), part.content_type
