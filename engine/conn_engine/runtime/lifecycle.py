"""Run the steps of an account's life other than operations: verify its credential, `connect` it, and revoke it.

All are generators. The connection stores their results.
"""

from functools import partial
from typing import Any

from conn_engine.auth import CAPTURED, build_renewal
from conn_engine.config import Verify
from conn_engine.errors import CredentialError, ExpressionError
from conn_engine.expressions import UNDEFINED, truth
from conn_engine.runtime.call import Call, Run
from conn_engine.runtime.endings import log_verdict
from conn_engine.runtime.exchange import exchange
from conn_engine.runtime.fetched import read_all_rows
from conn_engine.runtime.request import authorization_scope, call_scope
from conn_engine.runtime.steps import step_request
from conn_engine.runtime.variants import verify_operation
from conn_engine.settings import Answer, Scope, ask
from conn_engine.wire import Flow

__all__ = ["connect_steps", "renew_early", "revoke", "verify"]


def verify(run: Run) -> Flow[bool]:
    """Verify the account's credential with the connector's `verify`. Returns False when the connector has none.

    Raises CredentialError when the vendor refuses the credential or its response is not as expected.
    """
    effective, session = run.effective, run.session
    operation = verify_operation(effective)
    if operation is None:
        return False
    settings = effective.connector.verify
    scope = call_scope(effective, Call(), session.conditions)
    fetched = yield from exchange(run, operation, Call(), scope, lambda draft: None, "verify")
    answer = read_all_rows(fetched, operation).answer
    if isinstance(settings, Verify) and settings.expect is not None and not _holds(settings.expect, answer):
        hint = f"log the account in again: conn auth login {session.account}"
        raise CredentialError(_describe_failure(settings, answer), hint=hint, category="refused")
    return True


def renew_early(run: Run, seconds: float) -> Flow[bool]:
    """Renew the account's credential if it expires within `seconds`. Returns whether it was renewed, by this run or by
    another one.

    Raises CredentialError when the vendor refuses, and TransportError when it does not respond.
    """
    effective, session = run.effective, run.session
    credentials, document = effective.connector.credentials, session.document
    if credentials is None or not credentials.renewable(document):
        return False
    if not credentials.due(document, session.clock.now() + seconds):
        return False
    scope = authorization_scope(run)
    session.document = yield build_renewal(
        credentials, session.account, document, scope, effective.hosts, session.clock
    )
    effective.learn(session.document.get(CAPTURED))
    return True


def _holds(text: str, answer: Answer) -> bool:
    try:
        return answer.holds(text)
    except ExpressionError as error:
        error.at = "verify.expect"
        raise


def _describe_failure(settings: Verify, answer: Answer) -> str:
    default = f"the credential could not be verified: {settings.expect} is false for the vendor's response"
    if settings.message is None:
        return default
    try:
        message = answer.ask(settings.message)
    except ExpressionError as error:
        error.at = "verify.message"
        raise
    return message if isinstance(message, str) and message.strip() else default


def connect_steps(run: Run) -> Flow[dict[str, Any]]:
    """Run the connector's `connect` steps, and return the values to store with the account, by name.

    Each value is added to the context of `effective` after its step.
    """
    effective, session = run.effective, run.session
    captured: dict[str, Any] = {}
    results: dict[str, Any] = {}
    for index, step in enumerate(effective.connector.connect):
        location = f"connect[{index}]"
        scope = call_scope(effective, Call(), session.conditions) | {"connect": results}
        if step.when is not None and not _evaluate_at(truth, step.when, scope, f"{location}.when"):
            continue
        result: Any = None
        if step.request is not None:
            report = partial(log_verdict, redactor=session.redactor)
            result = yield from step_request(run, step.request, scope, f"{location}.request", report=report)
        if step.transform is not None:
            value = _evaluate_at(ask, step.transform, scope | {"response": result}, f"{location}.transform")
            result = None if value is UNDEFINED else value
            if result is not None:
                captured[step.name] = result
                effective.learn({step.name: result})
        results = {**results, step.name: result}
    return captured


def _evaluate_at(evaluate: Any, text: str, scope: Scope, location: str) -> Any:
    try:
        return evaluate(text, scope)
    except ExpressionError as error:
        error.at = location
        raise


def revoke(run: Run) -> Flow[bool]:
    """Revoke the account's credential at the vendor. Returns False when the connector does not configure it.

    Raises CredentialError when the vendor refuses, and VendorError when it is unavailable.
    """
    effective, session = run.effective, run.session
    credentials = effective.connector.credentials
    if credentials is None or not credentials.revoke:
        return False
    scope = authorization_scope(run)
    try:
        yield from credentials.revocation(scope, effective.hosts, session.clock)
    except CredentialError as error:
        error.hint = error.hint.replace("ACCOUNT", session.account or "ACCOUNT")
        raise
    return True
