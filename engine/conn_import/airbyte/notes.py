"""What of a stream could not be carried over, and what of it was code."""

from dataclasses import dataclass, field

from conn_import.contract import Losses

__all__ = ["Notes"]


@dataclass(slots=True)
class Notes:
    """The notes of one stream, or of the manifest as a whole (`where` is its name)."""

    losses: Losses
    where: str = ""
    reasons: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)

    def add(self, what: str) -> None:
        """Something was left out."""
        if what not in self.reasons:
            self.reasons.append(what)
            self.losses.add(what, self.where)

    def add_code(self, what: str, name: str, instead: str) -> None:
        """A piece of code was left out: what it was for, its name, and what does the same in a connector."""
        text = f"code: {what}"
        if name not in self.code:
            self.code.append(name)
            self.losses.add(text, f"{self.where} ({name})" if self.where else name, fix=instead)
