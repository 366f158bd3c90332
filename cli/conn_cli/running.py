"""One live run of `conn run`: its records to standard output, or its records or bytes to a file."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conn_cli.console import App
from conn_cli.outputs import RecordWriter

if TYPE_CHECKING:
    from conn_cli.states import StateFile
    from conn_engine.config import OperationName
    from conn_engine.runtime.call import Call
    from conn_engine.runtime.connection import Connection, Wiring
    from conn_engine.wire import Page

__all__ = ["Run", "wired"]


def wired(app: App, account: str, environment: str | None, *, wait: bool = False, planned: bool = False) -> "Wiring":
    """An account's operations as the command runs them. `planned`: nothing will be sent, so that a credential need not
    be there."""
    from conn_engine.failures import Policy
    from conn_engine.runtime.connection import wire_account

    return wire_account(
        app.workspace,
        account,
        environ=app.environ,
        environment=environment,
        policy=Policy(wait=wait),
        clock=app.clock,
        redactor=app.redactor,
        optional_credential=planned,
    )


@dataclass(frozen=True)
class Run:
    """What is run, and how. `kept` is the file of the state it goes on from."""

    app: App
    wiring: "Wiring"
    name: "OperationName"
    call: "Call"
    kept: "StateFile | None"
    limit: int | None = None
    trace: bool = False
    partitions: bool = False

    def stream(self, writer: RecordWriter) -> None:
        """To standard output. What came before an error is whole."""

        def end(state: Any) -> None:
            writer.close()
            self._keep(state)

        end(self._write(writer, end))

    def save(self, path: Path, *, force: bool) -> None:
        """Into a file: the vendor's bytes, or records. The state is kept only with the file it speaks of."""
        from conn_cli.saving import save_bytes, wants_bytes, written

        if wants_bytes(self.wiring.effective, self.name, self.call) and not self.partitions:
            run = replace(self, call=replace(self.call, as_file=True))
            with run._connected() as connection, run._notices(), closing(run._pages(connection)) as pages:
                save_bytes(run.app, path, pages, force=force, label=run._label)
            return
        with written(self.app, path, force=force) as writer:
            state = self._write(writer, lambda _: None)
        self._keep(state)

    @property
    def _label(self) -> str:
        return f"{self.name.text} · {self.wiring.session.account}"

    def _keep(self, state: Any) -> None:
        if self.kept is not None:
            self.kept.write(state)

    def _connected(self) -> "Connection":
        from conn_engine.runtime.connection import Connection
        from conn_engine.transport.trace import Traced

        live = self.wiring.live()
        return Connection(self.wiring, Traced(live, self.app.err, self.wiring.redactor) if self.trace else live)

    def _pages(self, connection: "Connection") -> "Generator[Page, None, None]":
        return (connection.partitions if self.partitions else connection.pages)(self.name, self.call)

    @contextmanager
    def _notices(self) -> Iterator[None]:
        try:
            yield
        finally:
            for notice in getattr(self.wiring.vault, "notices", ()):
                self.app.err(f"warning: {notice}")

    def _write(self, writer: RecordWriter, early: Callable[[Any], None]) -> Any:
        """Write the records as they come; gives the state after them. An error after some of them is told to `early`
        with the state so far."""
        from conn_engine.errors import ConnError

        count, state, limit = 0, None, self.limit
        said: tuple[str, ...] = ()
        with (
            self._connected() as connection,
            self.app.progress(self._label, unit="records") as progress,
            self._notices(),
            closing(self._pages(connection)) as pages,
        ):
            try:
                for page in pages:
                    self._tell(page, said)
                    said = page.notes
                    records = page.records if limit is None else page.records[: limit - count]
                    writer.write(records)
                    if len(records) == len(page.records):  # of a page that was cut, the state would say too much
                        state = page.state
                    count += len(records)
                    progress.advance(len(records), _standing(page))
                    if limit is not None and count >= limit:
                        break
            except ConnError:
                if count:
                    early(state)
                raise
        return state

    def _tell(self, page: "Page", said: tuple[str, ...]) -> None:
        for note in page.notes if page.notes != said else ():  # the same with every page: said once
            self.app.err(f"note: {note}")
        if page.content is not None and isinstance(page.raw, list) and any(_cut(record) for record in page.raw):
            self.app.err(f"note: the answer's {page.content.size} bytes are not shown: --output FILE saves them")


def _cut(record: Any) -> bool:
    return isinstance(record, dict) and record.get("base64", "") is None


def _standing(page: "Page") -> str:
    """`board 3, page 12`."""
    values = [f"{name} {value}" for name, value in page.partition.items() if isinstance(value, str | int)]
    return ", ".join((*values, f"page {page.number}"))
