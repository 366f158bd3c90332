"""Note which parts of a stream could not be imported, and which of them are code."""

from dataclasses import dataclass, field

from conn_import.contract import Losses

__all__ = ["Notes"]


@dataclass(slots=True)
class Notes:
    """The notes of one stream, or of the complete manifest (`where` is its name)."""

    losses: Losses
    where: str = ""
    reasons: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Note a part that was not imported."""
        if text not in self.reasons:
            self.reasons.append(text)
            self.losses.add(text, self.where)

    def add_code(self, what: str, name: str, instead: str) -> None:
        """Note custom code that was not imported: its purpose, its name, and what to write instead."""
        text = f"code: {what}"
        if name not in self.code:
            self.code.append(name)
            self.losses.add(text, f"{self.where} ({name})" if self.where else name, fix=instead)
