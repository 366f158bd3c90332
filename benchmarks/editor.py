"""A keystroke in an editor: a changed account is linted, and a path is completed, with few and with many accounts."""

import itertools
import shutil
import tempfile
from pathlib import Path

from benchmarks.measure import CHECKOUT, Row, Spread, alternate, ratios, timed
from conn_service.lsp.messages import EditorQuery
from conn_service.lsp.session import EditorSession

__all__ = ["run"]

GOAL_MS = 150.0
FEW = 20
NUMBERS = itertools.count()


class TypingAccount:
    """An editor with one account of a workspace open."""

    def __init__(self, folder: Path, accounts: int) -> None:
        shutil.copytree(CHECKOUT / "example", folder)
        for connector in ("github", "hubspot"):
            shutil.copytree(CHECKOUT / "connectors" / connector, folder / "connectors" / connector, dirs_exist_ok=True)
        for number in range(accounts):
            (folder / "accounts" / f"more-{number:05d}.yaml").write_text("connector: hubspot\n", "utf-8")
        self.path = str(folder / "accounts" / "acme.yaml")
        self.text = Path(self.path).read_text("utf-8")
        self.session = EditorSession()

    def type(self) -> None:
        """Change a comment, and return when the findings are there."""
        changes: dict[str, str | None] = {self.path: f"{self.text}# {next(NUMBERS)}\n"}
        (found,) = self.session.answer(EditorQuery("lint", changes=changes)).lint
        if found.problems:
            raise RuntimeError(f"the example has findings: {found.problems}")

    def complete(self) -> None:
        """Complete a path of the recordings."""
        line = next(number for number, row in enumerate(self.text.splitlines()) if "email: $uppercase(" in row)
        column = self.text.splitlines()[line].index("email)")
        query = EditorQuery("complete", path=self.path, line=line, character=column)
        if not any(suggestion.label == "email" for suggestion in self.session.answer(query).complete):
            raise RuntimeError("the path is not completed")


def run(*, quick: bool) -> list[Row]:
    """Rows of this benchmark."""
    count = 200 if quick else 2000
    with tempfile.TemporaryDirectory() as place:
        few, many = (TypingAccount(Path(place).resolve() / str(number), number) for number in (FEW, count))
        typing = alternate({"few": lambda: timed(few.type), "many": lambda: timed(many.type)}, 10)
        completing = alternate({"few": lambda: timed(few.complete), "many": lambda: timed(many.complete)}, 10)
    rows = []
    for measured, values in (("lint after a keystroke", typing), ("completion of a path", completing)):
        milliseconds = [seconds * 1000 for seconds in values["many"]]
        detail = f"{Spread.of(milliseconds).median:.0f} ms"
        name = f"{measured}, {count} accounts"
        rows += [
            Row("editor", name, f"{FEW} accounts", ratios(values["many"], values["few"]), 3.0, detail),
            Row("editor", name, f"{GOAL_MS:g} ms", Spread.of([ms / GOAL_MS for ms in milliseconds]), 1.0, detail),
        ]
    return rows
