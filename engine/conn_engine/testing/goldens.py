"""Writes golden results. An account has its own golden if it differs from the connector's in more than headers."""

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
from conn_engine.testing.judgement import Verdict, authors_fault
from conn_engine.testing.syncs.cases import SyncCase
from conn_engine.testing.syncs.outcome import SyncOutcome

__all__ = ["update_golden"]

_GOLDEN_CODES = {"TST101", "TST102", "TST103", "TST104", "TST105", "TST106", "TST107", "TST108"}
_KEPT_ERRORS = {"RUN101", "RUN201"}


def update_golden(judgement: Verdict, redactor: Redactor, *, within: Path | None = None) -> int:
    """Write the case's golden if it differs, the shared one first. Returns the number of changed files. Links out of
    the folder `within` are refused.

    A case with another kind of error (a mapping that fails, a record that breaks its schema, a request without a
    recorded response) is skipped: updating must not hide the error. A recorded vendor error is a result like any other.

    Raises ConfigurationError if the result contains a secret.
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
            f"the result of {case.name.text} contains a secret, so no golden was written",
            hint="remove the secret from the mapping or the document that it comes from (SEC101)",
        )
    judgement.findings = [f for f in judgement.findings if f.code not in _GOLDEN_CODES | _KEPT_ERRORS]
    changed = update_golden(judgement.shared, redactor, within=within) if judgement.shared is not None else 0
    if judgement.shared is not None and case.golden == case.base_golden:
        judgement.golden = "overridden"  # an environment without an account: only the result without it is saved
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


def _document(judgement: Verdict) -> str:
    outcome = judgement.outcome
    if isinstance(outcome, DeliveryOutcome):
        return delivery_document(outcome)
    if isinstance(outcome, SyncOutcome) and isinstance(judgement.case, SyncCase):
        from conn_engine.testing.syncs.judging import sync_document

        return sync_document(judgement.case, outcome)
    return golden_document(judgement.case, outcome)


def _bare(text: str) -> Any:
    """Return a golden without the headers of its requests: a header of the account alone does not justify a second file
    with all results."""
    try:
        document = json.loads(text)
        bare = [{**request, "headers": None, "credentials": None} for request in document["requests"]]
        return {**document, "requests": bare}
    except (ValueError, TypeError, KeyError):
        return text  # not a golden, and equal to no other
