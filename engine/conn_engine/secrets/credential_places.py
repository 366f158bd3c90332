"""Where a connector's authorization puts a credential into a request: each kind describes its own, for redaction."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["CredentialPlace", "Kind"]

Kind: TypeAlias = Literal["header", "parameter", "field", "path", "url"]
_TEMPLATE = re.compile(r"\{\{.*?\}\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class CredentialPlace:
    """Where a connector's authorization puts a credential, and the template of what it puts there.

    `name` is a header's, a parameter's (of the query or a form), a field's with dots, or the name that stands in a path
    for it; for a `url` it is a pattern whose groups are the credential. `certain` says that nothing else stands there.
    """

    kind: Kind
    name: str
    template: str = ""
    certain: bool = True

    @property
    def fixed_text(self) -> str:
        """What of the template is the same for every credential: `Bearer ` of `Bearer {{token}}`."""
        return _TEMPLATE.sub("", self.template)

    def secrets(self, value: str) -> Iterator[str]:
        """The value, and the parts of it that the template takes from the credential."""
        yield value
        parts = _TEMPLATE.split(self.template)
        if len(parts) > 1 and any(parts):
            found = re.fullmatch("(.+)".join(map(re.escape, parts)), value, re.DOTALL)
            yield from found.groups() if found is not None else ()
