"""Reports why a field of a recorded record has its value. The report contains values of the record."""

from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec

from conn_engine.config.origins import Level
from conn_engine.config.report import plain_settings
from conn_engine.expressions import UNDEFINED
from conn_engine.reports import Report
from conn_engine.testing.explanation import Explanation
from conn_engine.testing.level_values import LevelExplanation

__all__ = ["ExplainedField", "ReadPath", "ValueLevel", "ValueReport", "ValuesReport"]


class ReadPath(msgspec.Struct, frozen=True, kw_only=True):
    """A path that an expression read. If it has no value, `value` is null and `defined` is false."""

    path: str
    defined: bool
    value: Any


class ValueLevel(msgspec.Struct, frozen=True, kw_only=True):
    """What one level sets for the field, and the result of its expression for this record.

    `effective` is whether the record has this level's value, or a part of it. `decisions` describes how the evaluator
    reached the value, and `error` why it could not.
    """

    level: Level
    file: str
    line: int
    expression: Any
    effective: bool
    defined: bool
    value: Any
    error: str
    reads: list[ReadPath]
    decisions: list[str]


class ValueReport(Report, frozen=True, kw_only=True):
    """Why a field of a recorded record has its value: what each level sets, top first.

    `changed_later` is true if a step after the mapping changes the value.
    """

    kind: ClassVar[str] = "value"
    operation: str
    record: str
    field: str
    defined: bool
    value: Any
    recording: str
    changed_later: bool
    levels: list[ValueLevel]

    @classmethod
    def from_explanation(cls, explanation: Explanation) -> "ValueReport":
        """Build the report of an explanation."""
        return cls(
            operation=explanation.case.name.text,
            record=explanation.record,
            field=explanation.field,
            defined=explanation.value is not UNDEFINED,
            value=_null_if_undefined(explanation.value),
            recording=explanation.case.path.name,
            changed_later=explanation.later,
            levels=[_describe_level(level) for level in explanation.levels],
        )


class ExplainedField(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a record, as in `ValueReport`. `error` is why it fails on this record."""

    field: str
    defined: bool
    value: Any
    error: str
    changed_later: bool
    levels: list[ValueLevel]


class ValuesReport(Report, frozen=True, kw_only=True):
    """Why the fields of a recorded record have their values. `position` is that of the record in the recording, from
    0."""

    kind: ClassVar[str] = "values"
    operation: str
    record: str
    recording: str
    position: int
    fields: list[ExplainedField]

    @classmethod
    def from_explanations(cls, explanations: Sequence[Explanation]) -> "ValuesReport":
        """Build the report of a record's fields: at least one."""
        first = explanations[0]
        return cls(
            operation=first.case.name.text,
            record=first.record,
            recording=first.case.path.name,
            position=first.index,
            fields=[
                ExplainedField(
                    field=explanation.field,
                    defined=explanation.value is not UNDEFINED,
                    value=_null_if_undefined(explanation.value),
                    error=explanation.error,
                    changed_later=explanation.later,
                    levels=[_describe_level(level) for level in explanation.levels],
                )
                for explanation in explanations
            ],
        )


def _describe_level(level: LevelExplanation) -> ValueLevel:
    span = level.origin.span
    return ValueLevel(
        level=level.origin.level,
        file=span.file,
        line=span.line,
        expression=plain_settings(level.origin.value),
        effective=level.effective,
        defined=level.value is not UNDEFINED,
        value=_null_if_undefined(level.value),
        error=level.error,
        reads=[
            ReadPath(path=path, defined=value is not UNDEFINED, value=_null_if_undefined(value))
            for path, value in level.reads
        ],
        decisions=list(level.decisions),
    )


def _null_if_undefined(value: Any) -> Any:
    return None if value is UNDEFINED else value
