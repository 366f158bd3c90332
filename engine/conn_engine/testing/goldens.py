"""Writes golden results. An account's golden is kept where it differs from the connector's, headers aside."""

import json
from pathlib import Path
from typing import Any

from conn_engine.diagnostics import Severity
from conn_engine.documents import write_whole
from conn_engine.errors import ConfigurationError
from conn_engine.secrets import Redactor
from conn_engine.testing.deliveries.cases import delivery_document
from conn_engine.testing.deliveries.replaying import DeliveryOutcome
from conn_engine.testing.golden_form import golden_document
from conn_engine.testing.judgement import Judgement, authors_fault

__all__ = ["update_golden"]

_GOLDEN_CODES = {"TST101", "TST102", "TST103", "TST104", "TST105", "TST106", "TST107", "TST108"}
_KEPT_ERRORS = {"RUN101", "RUN201"}


def update_golden(judgement: Judgement, redactor: Redactor, *, within: Path | None = None) -> int:
    """Write the case's golden if it differs, the one that accounts share first. Returns how many files it changed.
    No link leads out of the folder `within`.

    A case with another kind of error (a mapping that fails, a schema that is broken, a request nobody recorded) is left
    alone: updating must not hide it. A vendor error that was recorded is a result like any other.
    """
    case = judgement.case
    for finding in list(judgement.findings):
        if finding.severity is Severity.ERROR and finding.code not in _GOLDEN_CODES | _KEPT_ERRORS:
            return 0
    if authors_fault(judgement.outcome.error):
        return 0
    text = _document(judgement)
    if redactor.find(text):
        raise ConfigurationError(
            f"the result of {case.name.text} holds a secret: no golden was written",
            hint="a mapping reads a credential's value, or a document holds one (SEC101): take it out there",
        )
    judgement.findings = [f for f in judgement.findings if f.code not in _GOLDEN_CODES | _KEPT_ERRORS]
    changed = update_golden(judgement.shared, redactor, within=within) if judgement.shared is not None else 0
    if judgement.shared is not None and case.golden == case.base_golden:
        judgement.golden = "overridden"  # an environment without an account: only what holds without it is kept
        return changed
    base = case.base_golden.read_text(encoding="utf-8") if case.base_golden.is_file() else None
    judgement.golden = "same"
    if case.golden != case.base_golden and base is not None and _bare(text) == _bare(base):
        existed = case.golden.is_file()
        case.golden.unlink(missing_ok=True)
        return changed + int(existed)
    if case.golden.is_file() and case.golden.read_text(encoding="utf-8") == text:
        return changed
    write_whole(case.golden, text, within=within)
    return changed + 1


def _document(judgement: Judgement) -> str:
    outcome = judgement.outcome
    if isinstance(outcome, DeliveryOutcome):
        return delivery_document(outcome)
    return golden_document(judgement.case, outcome)


def _bare(text: str) -> Any:
    """A golden without the headers of its requests, those of credentials too: a header of an account's own is no reason
    to keep all results."""
    try:
        document = json.loads(text)
        bare = [{**request, "headers": None, "credentials": None} for request in document["requests"]]
        return {**document, "requests": bare}
    except (ValueError, TypeError, KeyError):
        return text  # no golden at all, and like no other
