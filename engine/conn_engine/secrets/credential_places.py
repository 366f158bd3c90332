"""The places of a request where a connector's authorization sends a credential. Each kind describes its own."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["CredentialPlace", "Kind"]

Kind: TypeAlias = Literal["header", "parameter", "field", "path", "url"]
_TEMPLATE = re.compile(r"\{\{.*?\}\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class CredentialPlace:
    """A place where a connector's authorization sends a credential, and the template of its value.

    `name` is the name of a header or of a parameter (of the query or a form), a dotted field, or a placeholder in a
    path. For a `url`, it is a pattern whose groups are the credential. `certain` is set if the place has nothing else.
    """

    kind: Kind
    name: str
    template: str = ""
    certain: bool = True

    @property
    def fixed_text(self) -> str:
        """The part of the template that is the same for every credential: `Bearer ` of `Bearer {{token}}`."""
        return _TEMPLATE.sub("", self.template)

    def secrets(self, value: str) -> Iterator[str]:
        """Return the value, and the parts of it that the template takes from the credential."""
        yield value
        parts = _TEMPLATE.split(self.template)
        if len(parts) > 1 and any(parts):
            match = re.fullmatch("(.+)".join(map(re.escape, parts)), value, re.DOTALL)
            yield from match.groups() if match is not None else ()
