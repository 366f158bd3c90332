"""Accepted effects: the documents of `changes/` that are part of a change, and the effects that they accept.

A document is valid only for the change that adds it: a document that the base has too is history. It accepts an effect
by its digest, so that a different effect on the same field is not accepted with it.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from conn_engine.analysis.impact.model import KINDS, Approval, Consequence, EffectKey, FailsOn, Impact
from conn_engine.config import AcceptedChange, AcceptedEffect, Workspace
from conn_engine.diagnostics import Diagnostic, diagnostic
from conn_engine.documents import Document, dump_yaml, remove_file, write_whole
from conn_engine.errors import ConnError

__all__ = ["accept_failing", "add_accepted", "find_accepted_changes"]

_SCHEMA = "# yaml-language-server: $schema=../schemas/change.schema.json\n"
_LONGEST_NAME = 50


def add_accepted(result: Impact, before: Workspace, after: Workspace) -> Impact:
    """Return the impact with the documents that accept some of it."""
    return replace(result, accepted=find_accepted_changes(before, after, result.consequences))


def find_accepted_changes(
    before: Workspace, after: Workspace, consequences: Sequence[Consequence]
) -> tuple[Approval, ...]:
    """Return what each document that the change adds accepts. An unreadable one accepts nothing; lint reports it."""
    documents = list(_find_brought(before, after))
    if not documents:
        return ()
    there = {key for row in consequences for key in row.effect_keys()}
    return tuple(_judge(name, document, change, there) for name, document, change in documents)


def _find_brought(before: Workspace, after: Workspace) -> Iterator[tuple[str, Document, AcceptedChange]]:
    documents_before = {name: document.data for name, document, _ in _documents(before)}
    for name, document, change in _documents(after):
        if documents_before.get(name) != document.data:
            yield name, document, change


def _documents(workspace: Workspace) -> Iterator[tuple[str, Document, AcceptedChange]]:
    for name in workspace.changes():
        try:
            yield name, workspace.document("change", name), workspace.change(name)
        except ConnError:
            continue


def _judge(name: str, document: Document, change: AcceptedChange, there: set[EffectKey]) -> Approval:
    covers: set[EffectKey] = set()
    findings = []
    for index, effect in enumerate(change.effects):
        keys = set(_keys(effect))
        covers |= keys & there
        if gone := sorted(key[4] for key in keys - there):
            findings.append(_report_expired(document, index, effect, gone))
    return Approval(name, document.file, change.reason, frozenset(covers), tuple(findings))


def _keys(effect: AcceptedEffect) -> Iterator[EffectKey]:
    for account, digest in effect.accounts.items():
        yield effect.connector, effect.operation, effect.field, effect.kind, account, digest


def _report_expired(document: Document, index: int, effect: AcceptedEffect, accounts: Sequence[str]) -> Diagnostic:
    where = " ".join(part for part in (effect.operation or "every operation", effect.field) if part)
    kinds: Mapping[str, str] = {str(kind): words for kind, words in KINDS.items()}
    number = f"{len(accounts)} account{'' if len(accounts) == 1 else 's'}"
    return diagnostic(
        "CHG180",
        f"the change no longer has this effect: {where}, {kinds.get(effect.kind, effect.kind)}, for {number}",
        document.span(("effects", index)),
        path=f"effects.{index}",
        hint='accept the current effects: conn ci --accept --reason "…"; or delete the file',
    )


def accept_failing(
    workspace: Workspace, before: Workspace, impact: Impact, reason: str, on: FailsOn
) -> tuple[Path | None, list[Path]]:
    """Accept all failures in a new document of `changes/`. Return its path, or None if nothing fails, and the deleted
    documents: those of this change with effects that are gone, which the new document replaces.
    """
    name = _name_for(reason, before)
    remaining = [approval for approval in impact.accepted if not approval.findings and approval.name != name]
    rows = [row for row in impact.consequences if row.fails(on) or row.kind == "unreadable_before"]
    effects = _effects(rows, {key for approval in remaining for key in approval.covers})
    if not effects:
        return None, []
    stale = [
        workspace.file("change", approval.name).path
        for approval in impact.accepted
        if approval.findings and approval.name != name
    ]
    path = workspace.root / "changes" / f"{name}.yaml"
    workspace.check_inside(path)
    path.parent.mkdir(exist_ok=True)
    write_whole(path, _SCHEMA + dump_yaml({"version": 1, "reason": reason, "effects": effects}), within=workspace.root)
    for old in stale:
        remove_file(old, workspace.root)
    return path, stale


def _effects(rows: Iterable[Consequence], covered: set[EffectKey]) -> list[dict[str, Any]]:
    digests: dict[tuple[str, ...], dict[str, str]] = {}
    for row in rows:
        for *place, account, digest in row.effect_keys():
            if (*place, account, digest) not in covered:
                digests.setdefault(tuple(place), {})[account] = digest
    names = ("connector", "operation", "field", "kind")
    return [
        {
            **{name: word for name, word in zip(names, place, strict=True) if word},
            "accounts": dict(sorted(digest_by_account.items())),
        }
        for place, digest_by_account in sorted(digests.items())
    ]


def _name_for(reason: str, before: Workspace) -> str:
    """Return a name made of the reason that the base does not have."""
    plain = unicodedata.normalize("NFKD", reason).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST_NAME].rstrip("-") or "change"
    names, number = set(before.changes()), 2
    name = words
    while name in names:
        name, number = f"{words}-{number}", number + 1
    return name
