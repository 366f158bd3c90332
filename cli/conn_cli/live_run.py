"""Run an operation for `conn run`, and write its records to standard output, or its records or bytes to a file."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from conn_cli.console import App
from conn_cli.record_writers import RecordWriter
from conn_engine.diagnostics import pluralize

if TYPE_CHECKING:
    from conn_cli.state_file import StateFile
    from conn_engine.config import OperationName
    from conn_engine.runtime.call import Call
    from conn_engine.runtime.connection import Connection
    from conn_engine.runtime.model_check import ModelCheck
    from conn_engine.runtime.wiring import Wiring
    from conn_engine.wire import Completeness, FieldProblem, Page

__all__ = ["LiveRun", "resolve_account"]


def resolve_account(
    app: App, account: str, environment: str | None, *, wait: bool = False, planned: bool = False
) -> "Wiring":
    """Return what is needed to run an account's operations. With `planned`, nothing will be sent, so no credential is
    needed."""
    from conn_engine.responses.failures import Policy
    from conn_engine.runtime.wiring import wire_account

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


@dataclass
class _Progress:
    """The progress of a run: the number of records, the state after them, the verdict on a finished listing, and the
    check of the records against their model. `problems` are about `mapped` records, of which a limit cuts off some."""

    count: int = 0
    mapped: int = 0
    problems: "tuple[FieldProblem, ...]" = ()
    state: Any = None
    verdict: "Completeness | None" = None
    check: "ModelCheck | None" = None


@dataclass(frozen=True)
class LiveRun:
    """A run of one operation. `state_file` has the state that it resumes from."""

    app: App
    wiring: "Wiring"
    name: "OperationName"
    call: "Call"
    state_file: "StateFile | None"
    limit: int | None = None
    trace: bool = False
    partitions: bool = False
    strict: bool = False

    def stream(self, writer: RecordWriter) -> None:
        """Write the records to standard output. After an error, the output so far is complete."""

        def end(done: _Progress) -> None:
            writer.close()
            self._store_state(done)

        with self._interruption("written to standard output", end) as done:
            self._write(writer, done)
        end(done)
        self._conclude(done)

    def save(self, path: Path, *, force: bool) -> None:
        """Write the vendor's bytes or the records to a file. The state is only stored if the file is."""
        from conn_cli.file_options import open_writer, save_bytes, wants_bytes

        if wants_bytes(self.wiring.effective, self.name, self.call) and not self.partitions:
            run = replace(self, call=replace(self.call, as_file=True))
            with run._connect() as connection, run._notices(), closing(run._pages(connection)) as pages:
                save_bytes(run.app, path, pages, force=force, label=run._label)
            return
        with (
            self._interruption(f"{path.name} was not written", None) as done,
            open_writer(self.app, path, force=force) as writer,
        ):
            self._write(writer, done)
        self._store_state(done)
        self._conclude(done)

    @property
    def _label(self) -> str:
        return f"{self.name.text} · {self.wiring.session.account}"

    def _store_state(self, done: _Progress) -> None:
        incomplete = done.verdict is not None and done.verdict.is_failure  # a later run must read the missing records
        if self.state_file is not None and not incomplete:
            self.state_file.write(done.state)

    def _conclude(self, done: _Progress) -> None:
        """Show which records are not as they should be, and how the listing ended. An incomplete one fails the command,
        and so does a field that fails in a strict run."""
        from conn_cli.completeness import show_completeness
        from conn_cli.exits import Exit

        self._show_faults(done)
        effective, verdict = self.wiring.effective, done.verdict
        if verdict is not None:
            show_completeness(self.app, verdict, done.count, effective=effective, name=self.name, call=self.call)
        if verdict is not None and verdict.is_failure:
            if self.state_file is not None:
                self.app.err(f"  {self.state_file.shown} is unchanged: the next run reads the same records again")
            raise typer.Exit(Exit.FINDINGS)
        if done.problems and self.strict:
            raise typer.Exit(Exit.FINDINGS)

    def _show_faults(self, done: _Progress) -> None:
        """Show which fields fail, and which records do not match the model."""
        from conn_cli.completeness import show_failing_fields, show_violations

        show_failing_fields(self.app, self.wiring.effective, done.problems, done.mapped, strict=self.strict)
        if done.check is not None:
            show_violations(self.app, done.check)

    @contextmanager
    def _interruption(self, records_to: str, store: "Callable[[_Progress], None] | None") -> Iterator[_Progress]:
        """If the run ends early, show how many records arrived and what happened to them and to the state.

        `store` stores the records that arrived before an error.
        """
        from conn_cli.completeness import show_interruption
        from conn_engine.errors import ConnError

        done = _Progress()
        try:
            yield done
        except (ConnError, KeyboardInterrupt) as error:
            is_stored = store is not None and done.count > 0 and isinstance(error, ConnError)
            if store is not None and is_stored:
                store(done)
            self._show_faults(done)
            if done.count or isinstance(error, KeyboardInterrupt):
                state = "" if self.state_file is None else f"{self.state_file.shown} is unchanged"
                if self.state_file is not None and is_stored and done.state is not None:
                    state = f"{self.state_file.shown} records where to resume"
                show_interruption(self.app, done.count, records_to=records_to, state=state)
            raise

    def _connect(self) -> "Connection":
        from conn_engine.runtime.connection import Connection
        from conn_engine.transport.trace import TracedTransport

        live = self.wiring.live()
        return Connection(
            self.wiring, TracedTransport(live, self.app.err, self.wiring.redactor) if self.trace else live
        )

    def _pages(self, connection: "Connection") -> "Generator[Page, None, None]":
        return (connection.partitions if self.partitions else connection.pages)(self.name, self.call)

    @contextmanager
    def _notices(self) -> Iterator[None]:
        try:
            yield
        finally:
            for notice in getattr(self.wiring.vault, "notices", ()):
                self.app.err(f"warning: {notice}")

    def _write(self, writer: RecordWriter, done: _Progress) -> None:
        """Write the records as they arrive, and update `done`."""
        from conn_engine.runtime.field_problems import merge_problems
        from conn_engine.wire import Completeness

        limit = self.limit
        shown_notes: tuple[str, ...] = ()
        done.check = self._model_check()
        with (
            self._connect() as connection,
            self.app.progress(self._label, unit="records") as progress,
            self._notices(),
            closing(self._pages(connection)) as pages,
        ):
            for page in pages:
                self._show_notes(page, shown_notes)
                shown_notes = page.notes
                records = page.records if limit is None else page.records[: limit - done.count]
                writer.write(records)
                self.app.check_reader()
                if done.check is not None:
                    done.check.add(
                        [_without_remote_data(record) for record in records] if self.call.remote_data else records
                    )
                done.mapped += len(page.records)
                done.problems = merge_problems(done.problems, page.problems)
                is_complete = len(records) == len(page.records)
                if is_complete:  # the state would skip the records that were cut off
                    done.state = page.state
                done.count += len(records)
                progress.advance(len(records), _format_place(page))
                done.verdict = page.completeness if is_complete and not page.whole else None
                if limit is not None and done.count >= limit:
                    if not is_complete or page.next_cursor is not None or page.partial:
                        done.verdict = Completeness("stopped", f"--limit {limit} was reached")
                    break

    def _model_check(self) -> "ModelCheck | None":
        from conn_engine.runtime.model_check import ModelCheck

        return None if self.partitions else ModelCheck(self.app.workspace.models, self.wiring.effective, self.name)

    def _show_notes(self, page: "Page", notes_before: tuple[str, ...]) -> None:
        for note in page.notes if page.notes != notes_before else ():  # the same notes of every page are shown once
            self.app.err(f"note: {note}")
        if page.content is not None and isinstance(page.raw, list) and any(_is_cut(record) for record in page.raw):
            size = pluralize(page.content.size, "byte")
            self.app.err(f"note: the content of the response ({size}) is not shown; --output FILE saves it")


def _without_remote_data(record: Any) -> Any:
    return (
        {name: value for name, value in record.items() if name != "remote_data"} if isinstance(record, dict) else record
    )


def _is_cut(record: Any) -> bool:
    return isinstance(record, dict) and record.get("base64", "") is None


def _format_place(page: "Page") -> str:
    """Return the partition and the page, such as `board 3, page 12`."""
    values = [f"{name} {value}" for name, value in page.partition.items() if isinstance(value, str | int)]
    return ", ".join((*values, f"page {page.number}"))
