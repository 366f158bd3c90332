"""What the texts of a setting are: written into the setting's annotation, `Meta(…, extra=TEMPLATE)`, and read here.

A text without a role says how or where: the name of a header, a format, an HTTP method.
"""

from functools import cache
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args, get_origin

import msgspec

__all__ = ["ADDRESS", "EXPRESSION", "PLAIN", "TEMPLATE", "Role", "read_roles"]

Role: TypeAlias = Literal["template", "expression", "address", "plain"]

TEMPLATE: Final[dict[str, Any]] = {"role": "template"}
"""Text with `{{…}}`, or data whose strings are such texts."""

EXPRESSION: Final[dict[str, Any]] = {"role": "expression"}
"""An expression, or an object of expressions."""

ADDRESS: Final[dict[str, Any]] = {"role": "address"}
"""The URL, a template, of a request that may hold secrets."""

PLAIN: Final[dict[str, Any]] = {"role": "plain"}
"""Text that is used as it is and moves no secret: a label, the name of an option, what stands before a token."""


@cache
def read_roles(model: type[msgspec.Struct]) -> tuple[tuple[str, str, Role | None], ...]:
    """The fields of a model: attribute, key in documents, role."""
    return tuple((field.name, field.encode_name, _role(field.type)) for field in msgspec.structs.fields(model))


def _role(kind: Any) -> Role | None:
    if get_origin(kind) is not Annotated:
        return None
    said = (note.extra or {} for note in get_args(kind)[1:] if isinstance(note, msgspec.Meta))
    return next((extra["role"] for extra in said if "role" in extra), None)
