"""Every setting that is more than text declares its role, so no other module needs a list of their names."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec

from conn_engine.config import models
from conn_engine.config.merge import INHERITED, MAPPINGS, RESOURCE_MAPPINGS
from conn_engine.config.sync_models import SyncDocument
from conn_engine.roles import OUTER, RULE, SCOPES, Note, describe_setting, note_of

DOCUMENTS = (
    models.Configuration,
    models.Environment,
    models.Account,
    models.WorkspaceSettings,
    models.UnifiedDocument,
    SyncDocument,
)
"""The models of the documents: every setting is in one of them."""

MORE_THAN_TEXT = re.compile(
    r"may (?:hold|contain) \{\{|\b((?<!regular )expressions?|conditions?|templates?|JSON pointers?|(query )?parameters?"
    r"|form fields?|headers?|cookies?|hosts?|URLs?|secrets?)\b",
    re.IGNORECASE,
)


def test_a_setting_that_is_described_as_more_than_text_has_a_role() -> None:
    missing = {
        f"{model.__name__}.{field.name}: {description_of(field.type)[:90]}"
        for model, field, within in settings()
        if any(part is str or part is Any for part in parts_of(field.type))
        and MORE_THAN_TEXT.search(description_of(field.type))
        and not any(note.role for note in [within, *map(note_of, parts_of(field.type))])
    }
    assert missing == set()


def test_scopes_are_declared_and_used() -> None:
    notes = [note_of(part) for _, field, _ in settings() for part in parts_of(field.type)]
    used = {scope for note in notes for scope in (note.over, note.inner, *note.into)} - {""}
    assert used - {OUTER} == set(SCOPES)


def test_the_keys_that_the_merge_lists_are_those_of_the_models() -> None:
    assert models.Inheritable.__struct_fields__ == INHERITED
    unified, resource = (
        [field.encode_name for field in msgspec.structs.fields(model) if is_mapping(field.type)]
        for model in (models.UnifiedOperation, models.UnifiedResource)
    )
    assert set(unified) == MAPPINGS
    assert tuple(resource) == RESOURCE_MAPPINGS


NAMES = r"(?:`\w+`|the names of the (?:call|caller|delivery))"
LABEL = re.compile(
    rf"(?:Expression(?: over (?:the (?:body|record|row)|{NAMES}(?:(?:,| and) {NAMES})*))?|Template(?: over [^.]+)?"
    r"|Place in the (?:request|response)|Text)\. "
)
OWN_WORDS = ("Expression ", "Template ", "Text ")
"""How the descriptions of settings begin whose names the role does not have, because they depend on the credential."""


def test_each_description_begins_with_what_the_texts_of_the_setting_are() -> None:
    rows = {
        (key, note, describe_setting(note, description_of(field.type)))
        for _, field, _ in settings()
        for key, note in ((field.name, note_of(field.type)),)
        if note.role not in (None, "text")
    }
    assert len(rows) > 250
    wrong = {key: text[:60] for key, _, text in rows if not LABEL.match(text) and not text.startswith(OWN_WORDS)}
    assert wrong == {}


def test_the_label_names_the_scope() -> None:
    labels = {scope: describe_setting(Note("expression", scope), "") for scope in ("body", "item", "record", "context")}
    assert labels == {
        "body": "Expression over the body.",
        "item": "Expression over the record.",
        "record": "Expression over `record`, `response` and the names of the call.",
        "context": "Expression over `context`.",
    }
    assert "`body`" in describe_setting(Note("expression", "paging"), "")  # the body of the response, not the caller's


def test_the_first_page_lists_the_names_of_the_call() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/index.md").read_text(encoding="utf-8")
    assert RULE in page
    listed = re.search(r"The names of the call are (.*?)\.\n", page, re.S)
    assert listed is not None
    names = SCOPES["call"]
    assert names is not None
    assert names <= set(re.findall(r"`(\w+)`", listed[1]))


def is_mapping(kind: Any) -> bool:
    return any(isinstance(part, msgspec.Meta) and (part.extra or {}).get("mapping") for part in parts_of(kind))


def settings() -> Iterator[tuple[type[msgspec.Struct], Any, Note]]:
    """The settings of all models, with the note of the setting that they are inside."""
    seen: set[tuple[Any, Note]] = set()
    waiting: list[tuple[Any, Note]] = [(model, Note()) for model in DOCUMENTS]
    while waiting:
        kind, within = waiting.pop()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            if (kind, within) in seen:
                continue
            seen.add((kind, within))
            for field in msgspec.structs.fields(kind):
                yield kind, field, within
                waiting.append((field.type, within))
            continue
        own = note_of(kind)
        templates = own if own.role == "template" else within  # all that is inside templates is one
        waiting += [(part, templates) for part in get_args(kind) if not isinstance(part, msgspec.Meta)]


def parts_of(kind: Any) -> Iterator[Any]:
    """The parts that a type is written of, itself first."""
    yield kind
    for part in get_args(kind):
        yield from parts_of(part)


def description_of(kind: Any) -> str:
    return next((one.description for one in parts_of(kind) if isinstance(one, msgspec.Meta) and one.description), "")
