"""Every diagnostic code: its title, default severity and explanation. Nothing here decides when one is raised.

A code is a family and a number. Families: DOC (text of a document), CFG (configuration), REF (references between
documents), EXP (expressions), SEC (secrets), MAP (mappings on records), REC (recordings), RUN (requests and answers),
TST (test results).
"""

from dataclasses import dataclass
from typing import Literal

__all__ = ["CODES", "Code", "explain"]

SeverityName = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of finding. `explanation` is Markdown for `conn explain`: what, why it matters, how to mend."""

    id: str
    title: str
    severity: SeverityName
    explanation: str


def _table(*rows: Code) -> dict[str, Code]:
    table = {row.id: row for row in rows}
    if len(table) != len(rows):
        raise ValueError("a diagnostic code is defined twice")
    return table


CODES: dict[str, Code] = _table()


def explain(code: str) -> Code | None:
    """The entry of a code, whatever its letter case; None when there is no such code."""
    return CODES.get(code.upper())
