"""`impact` against a reference that is too simple to be wrong: run everything for every account, compare everything."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conn_engine.analysis.impact import Impact, impact
from conn_engine.config import Effective, Level, OperationName, Workspace, load_workspace, singular
from conn_engine.errors import ConnError, MissingRecording
from conn_engine.runtime.model_schemas import check_records, schema_path
from conn_engine.runtime.variants import up_to
from conn_engine.testing.cases import Outcome, find_cases, golden_request, replay
from conn_engine.testing.compare import compare_records, compare_requests

WORDS = {"changed": "value_changed", "added": "added", "missing": "missing", "type_changed": "type_changed"}
Counts = Counter[tuple[str, str]]
LOWER: tuple[Level, ...] = ("base", "environment")


def violations(workspace: Workspace, effective: Effective, name: OperationName, outcome: Outcome) -> Counter[str]:
    found: Counter[str] = Counter()
    if name.kind == "unified" and outcome.records:
        operation = effective.get_unified(name.model, name.resource, name.method)
        record = operation.record if operation and operation.record else singular(name.resource)
        path = schema_path(workspace.models, name.model, record)
        for row in check_records(path, outcome.records) if path else []:
            found[row.path] = max(found[row.path], row.records)
    return found


def asked(outcome: Outcome) -> list[dict[str, Any]]:
    return [golden_request(replace(sent, url=sent.whole_url, credentials=None)) for sent in outcome.sent]


def compared(
    sides: tuple[tuple[Workspace, Effective], tuple[Workspace, Effective]], name: OperationName, recording: Any
) -> tuple[Counts, bool]:
    """What differs, and whether the recording fails to answer."""
    (one, before), (other, after) = sides
    old, new = replay(before, name, recording), replay(after, name, recording)
    counts: Counts = Counter()
    for change in compare_requests(asked(old), asked(new)):
        if change.part != "headers":
            counts[change.part if change.part in ("method", "url", "body") else "request", "request_changed"] += 1
            continue
        differing = (change.before or {}).items() ^ (change.after or {}).items()
        counts.update((f"headers.{header}", "request_changed") for header in {header for header, _ in differing})
    if isinstance(old.error, MissingRecording) or isinstance(new.error, MissingRecording):
        return counts, True
    difference = compare_records(old.records, new.records)
    for (field, kind), number in difference.by_field().items():
        counts[field, WORDS[kind]] += number
    counts["", "missing"] += len(difference.gone)
    counts["", "added"] += len(difference.new)
    counts["", "order_changed"] += len(new.records) if difference.reordered else 0
    was = violations(one, before, name, old)
    for field, number in violations(other, after, name, new).items():
        counts[field, "schema_violated"] += max(0, number - was[field])
    texts = [f"{type(e).__name__} {e.message}" if isinstance(e, ConnError) else "" for e in (old.error, new.error)]
    if texts[0] != texts[1]:
        counts["", "error_changed" if texts[0] else "now_failing"] += 1
    return +counts, False


def _connector(old: Effective | None, new: Effective | None) -> str:
    side = new or old
    assert side is not None
    return side.connector_name


def _placed(effective: Effective, other: Effective) -> dict[str, list[str]]:
    """The headers that carry the credential, by the vendor's operations that both have."""
    return {
        name.text: [place.name.lower() for place in effective.vendor(name.resource, name.method).authorization.places()]
        for name in effective.operations()
        if name.kind == "vendor" and name in other.operations()
    }


def reference(
    before: Workspace, after: Workspace, renamed: Mapping[str, str]
) -> tuple[dict[str, set[str]], Counter[Any], Counter[Any]]:
    """Per account the verdicts that are right; accounts and records per (connector, operation, field, kind)."""
    verdicts: dict[str, set[str]] = {}
    accounts: Counter[Any] = Counter()
    records: Counter[Any] = Counter()
    for account in sorted({*before.accounts(), *after.accounts()} - set(renamed.values())):
        earlier = renamed.get(account, account)
        old = before.effective(account=earlier) if earlier in before.accounts() else None
        new = after.effective(account=account) if account in after.accounts() else None
        names = {name for e in (old, new) if e for name in e.operations()}
        files = {}
        for workspace, effective in ((before, old), (after, new)):
            if effective is not None and effective.connector_name == (new or old).connector_name:  # type: ignore[union-attr]
                files.update({c.path.name: c for c in find_cases(workspace, effective, names)})
        changed = unknown = perhaps = shielded = False
        if account in renamed:
            accounts[_connector(old, new), "", "", "account_renamed"] += 1
            records[_connector(old, new), "", "", "account_renamed"] += 1
            changed = True
        if old is not None and new is not None and _placed(old, new) != _placed(new, old):
            accounts[_connector(old, new), "", "authorization", "credential_changed"] += 1
            changed = True
        for name in names:
            cases = [case for case in files.values() if case.name == name]
            there = [e is not None and name in e.operations() for e in (old, new)]
            if not cases and name.kind == "unified" and there == [True, False]:
                accounts[_connector(old, new), name.text, "", "operation_missing"] += 1
                changed = True
                continue
            if not cases:
                if name.kind == "unified" and (old is None or new is None or old.data != new.data):
                    perhaps = True  # it counts as unknown when the change can reach it
                continue
            total: Counts = Counter()
            below: Counts = Counter()
            for case in cases:
                if old is None or new is None or not all(there):
                    side = new if new is not None and there[1] else old
                    kind = "operation_added" if there[1] else "operation_missing"
                    total["", kind] += len(replay(side, name, case.recording).records)  # type: ignore[arg-type]
                    total["", kind] += 0
                    changed = True
                    continue
                found, missed = compared(((before, old), (after, new)), name, case.recording)
                total += found
                if missed and not found:
                    perhaps = True
                for level in LOWER if old.connector_name == new.connector_name else ():
                    lower = ((before, up_to(old, level)), (after, up_to(new, level)))
                    below += compared(lower, name, case.recording)[0]
            if total:
                changed = True
            for (field, kind), number in total.items():
                accounts[_connector(old, new), name.text, field, kind] += 1
                records[_connector(old, new), name.text, field, kind] += number
            touched = {field for field, _ in total}
            overridden = any(layer.level != "base" and layer.data for e in (old, new) if e for layer in e.layers)
            shielded = shielded or (overridden and any(field not in touched for field, _ in below))
        unknown = not files and not changed
        if changed:
            verdicts[account] = {"changed"}
        elif unknown:
            verdicts[account] = {"unknown"}
        else:
            verdicts[account] = {"shielded" if shielded else "unchanged", *(["unknown"] if perhaps else [])}
    return verdicts, accounts, records


@pytest.mark.slow
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**9))
def test_impact_agrees_with_running_and_comparing_everything(
    seed: int, generated: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("sides")
    before, after = (load_workspace(side.write(folder / n)) for side, n in zip(generated(seed), "ba", strict=True))
    found: Impact = impact(before, after, processes=1)
    verdicts, accounts, records = reference(before, after, found.renamed)
    assert {a.name for a in found.accounts} == verdicts.keys()
    for account in found.accounts:
        assert account.status in verdicts[account.name], (account, verdicts[account.name])
    rows = {(r.connector, r.operation, r.field, r.kind): r for r in found.fields if r.accounts}
    assert {key: row.accounts for key, row in rows.items()} == {k: n for k, n in accounts.items() if n}
    assert {key: row.records for key, row in rows.items()} == {k: records[k] for k, n in accounts.items() if n}
