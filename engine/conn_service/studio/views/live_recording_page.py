"""Record an operation from the vendor, with the credential of an account: a form, what will be sent, and the result.

These pages are answered by a process of their own, which has the environment of the command, and with it the
credentials.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conn_engine.config import Effective, OperationName
from conn_engine.errors import ConnError, UsageError
from conn_engine.personal import find_key_file, load_key
from conn_engine.runtime.call import Call
from conn_engine.runtime.parameters import parameters
from conn_engine.runtime.plans import may_write, plan_operation
from conn_engine.runtime.wiring import Wiring, vault_of, wire_account
from conn_engine.secrets import Redactor
from conn_engine.testing.personal import PersonalData
from conn_engine.testing.recorder import Recorded, record_operation
from conn_engine.testing.recording_path import find_recording_path
from conn_engine.urls import split_plain_url
from conn_service.studio.drafts import StudioWorkspace
from conn_service.studio.views.page_request import PageRequest

__all__ = ["record_live", "show_live_recording"]

_MOST_ACCOUNTS = 50
_MOST_PAGES = 3


@dataclass(frozen=True)
class _LiveForm:
    """What to record: the operation of an account, with the values of its call."""

    wiring: Wiring
    name: OperationName
    call: Call
    path: Path
    scenario: str
    is_own: bool

    @property
    def effective(self) -> Effective:
        """The configuration of the account."""
        return self.wiring.effective


def show_live_recording(studio: StudioWorkspace, request: PageRequest) -> dict[str, Any]:
    """Return the form for a connector; with an account and an operation, also what will be sent and written."""
    connector = request.require("connector", "the connector")
    studio.saved.file("connector", connector)
    effective = studio.saved.effective(account=None, connector=connector)
    values: dict[str, Any] = {
        "connector": connector,
        "accounts": list(_list_accounts(studio, connector)),
        "operations": [_write_name(connector, name) for name in effective.operations()],
        "asked": {key: request.query.get(key, "") for key in ("account", "operation", "values", "scenario", "own")},
        "plan": None,
    }
    if request.query.get("account") and request.query.get("operation"):
        with _hide_secrets() as redactor:
            values["plan"] = _describe_plan(studio, _read_form(studio, request, redactor), redactor)
    return values


def record_live(studio: StudioWorkspace, request: PageRequest) -> dict[str, Any]:
    """Run the operation of the form against the vendor, and write the recording. Return what was recorded."""
    with _hide_secrets() as redactor:
        form = _read_form(studio, request, redactor)
        replaces = request.query.get("replace") == "yes"
        if form.path.exists() and not replaces:
            file = studio.saved.format_path(form.path)
            raise UsageError(f"{file} exists", hint="go back, and choose to replace it or another scenario")
        recorded = record_operation(
            form.wiring,
            form.name,
            form.call,
            form.path,
            scenario=form.scenario,
            pages=_MOST_PAGES,
            own=form.is_own,
            placing={"within": studio.root, "overwrite": replaces},
            personal=_choose_personal_data(studio, redactor),
        )
        return _describe_recorded(studio, form, recorded, redactor)


@contextmanager
def _hide_secrets() -> Iterator[Redactor]:
    """Provide the redactor of a run, which is applied to the run's errors too."""
    redactor = Redactor()
    try:
        yield redactor
    except ConnError as error:
        raise UsageError(redactor.text(error.message), hint=redactor.text(error.hint)) from None


def _write_name(connector: str, name: OperationName) -> str:
    """Return the name of an operation as a form has it: that of the vendor with its connector."""
    return name.text if name.kind == "unified" else f"{connector}:{name.text}"


def _list_accounts(studio: StudioWorkspace, connector: str) -> Iterator[dict[str, Any]]:
    """Yield the accounts of a connector, each with whether it has a credential on this machine."""
    vault = vault_of(studio.saved, os.environ)
    count = 0
    for account in studio.saved.accounts():
        with suppress(ConnError):
            if studio.saved.account(account).connector != connector:
                continue
            count += 1
            yield {"name": account, "has_credential": vault.find(account) is not None}
        if count == _MOST_ACCOUNTS:
            return


def _read_form(studio: StudioWorkspace, request: PageRequest, redactor: Redactor) -> _LiveForm:
    """Return what a form asks for. Raises UsageError for an operation that writes, and CredentialError if the account
    has no credential."""
    query, account = request.query, request.require("account", "the account")
    operation, is_own = request.require("operation", "the operation"), query.get("own") == "yes"
    wiring = wire_account(studio.saved, account, environ=os.environ, redactor=redactor)
    effective = wiring.effective
    if effective.connector_name != request.require("connector", "the connector"):
        raise UsageError(f"{account} uses {effective.connector_name}", hint="choose an account of the connector")
    name = effective.resolve(operation)
    effective.check_enabled(name)
    call = _read_call(effective, name, query.get("values", ""))
    if may_write(effective, name, call):
        command = f"conn record {name.text} --account {account} --send"
        raise UsageError(f"{name.text} writes, and the page records only reads", hint=f"use the command: {command}")
    scenario = query.get("scenario", "").strip() or "default"
    path = find_recording_path(studio.saved, effective.connector_name, name, scenario, account if is_own else None)
    return _LiveForm(wiring, name, call, path, scenario, is_own)


def _read_call(effective: Effective, name: OperationName, text: str) -> Call:
    """Return the call with the values of a form, which has NAME=VALUE on each line."""
    values: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        key, sign, value = line.partition("=")
        if not sign or not key:
            raise UsageError(f'"{line[:60]}" is not NAME=VALUE', hint="write one on each line, such as id=42")
        values[key.strip()] = value.strip()
    accepted = parameters(effective, name)
    unknown = [key for key in accepted.unknown(values) if key != "id"]
    if unknown and not accepted.open:
        known = ", ".join(sorted(accepted.names | accepted.query | {"id"}))
        hint = accepted.suggest(unknown[0], values) or f"use one of: {known}"
        raise UsageError(f'{name.text} has no parameter "{unknown[0]}"', hint=hint)
    return accepted.build_call(values)


def _choose_personal_data(studio: StudioWorkspace, redactor: Redactor) -> PersonalData | None:
    if studio.saved.settings.recordings.personal_data == "keep":
        return None
    file = find_key_file(os.environ, studio.saved.identity)
    key = load_key(vault_of(studio.saved, os.environ), os.environ, redactor, file=file)
    return PersonalData(key.pseudonyms)


def _describe_plan(studio: StudioWorkspace, form: _LiveForm, redactor: Redactor) -> dict[str, Any]:
    """Return the first request, without its query and headers, and the file. Nothing is sent."""
    first = plan_operation(form.wiring, form.name, form.call)
    parts = None if first is None else split_plain_url(first.url)
    return {
        "operation": form.name.text,
        "account": form.wiring.session.account,
        "method": "" if first is None else first.method,
        "host": "" if parts is None else redactor.text(parts.hostname or ""),
        "path": "" if parts is None else redactor.text(parts.path),
        "pages": _MOST_PAGES,
        "file": studio.saved.format_path(form.path),
        "exists": form.path.exists(),
        "scenario": form.scenario,
        "keeps_personal_data": studio.saved.settings.recordings.personal_data == "keep",
    }


def _describe_recorded(
    studio: StudioWorkspace, form: _LiveForm, recorded: Recorded, redactor: Redactor
) -> dict[str, Any]:
    folder = studio.root / "connectors" / form.effective.connector_name / "recordings"
    verdict, error = recorded.completeness, recorded.error
    notes = [*recorded.notes]
    if recorded.difference:
        notes.append(f"a replay of the recording differs from the run: {recorded.difference}")
    if verdict is not None and (verdict.is_failure or verdict.state == "unknown"):
        notes.append(f"the listing is not complete: {verdict.reason}")
    return {
        "connector": form.effective.connector_name,
        "name": form.path.relative_to(folder).as_posix(),
        "file": studio.saved.format_path(form.path),
        "operation": form.name.text,
        "account": form.wiring.session.account,
        "scenario": form.scenario,
        "is_unified": form.name.kind == "unified",
        "exchanges": recorded.exchanges,
        "records": recorded.records,
        "error": "" if error is None else redactor.text(error.message),
        "notes": [redactor.text(note) for note in notes],
        "replaced": [] if recorded.personal is None else [redactor.text(line) for line in recorded.personal.to_lines()],
    }
