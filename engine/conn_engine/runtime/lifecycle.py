"""What is done with an account beside its operations: its credential is proved, what it needs to know is found out
(`connect`), and the vendor is made to forget it. Generators; storing what comes out is the connection's."""

from functools import partial
from typing import Any

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

__all__ = ["connect_steps", "revoke", "verify"]


def verify(run: Run) -> Flow[bool]:
    """Prove the account's credential by the connector's `verify`. Returns False when it has none.

    Raises CredentialError when the vendor refuses the credential or does not answer as expected.
    """
    effective, session = run.effective, run.session
    operation = verify_operation(effective)
    if operation is None:
        return False
    told = effective.connector.verify
    scope = call_scope(effective, Call(), session.conditions)
    got = yield from exchange(run, operation, Call(), scope, lambda draft: None, "verify")
    got = read_all_rows(got, operation)
    if isinstance(told, Verify) and told.expect is not None and not _holds(told.expect, got.answer):
        raise CredentialError(
            _words(told, got.answer), hint=f"log the account in again: conn auth login {session.account}"
        )
    return True


def _holds(text: str, answer: Answer) -> bool:
    try:
        return answer.holds(text)
    except ExpressionError as error:
        error.at = "verify.expect"
        raise


def _words(told: Verify, answer: Answer) -> str:
    usual = f"the vendor's answer does not prove the credential: {told.expect} does not hold"
    if told.message is None:
        return usual
    try:
        found = answer.ask(told.message)
    except ExpressionError as error:
        error.at = "verify.message"
        raise
    return found if isinstance(found, str) and found.strip() else usual


def connect_steps(run: Run) -> Flow[dict[str, Any]]:
    """Run the connector's `connect`, and return what is to be kept with the account, by name. The context of
    `effective` has each value from its step on."""
    effective, session = run.effective, run.session
    kept: dict[str, Any] = {}
    results: dict[str, Any] = {}
    for index, step in enumerate(effective.connector.connect):
        at = f"connect[{index}]"
        scope = call_scope(effective, Call(), session.conditions) | {"connect": results}
        if step.run_if is not None and not _evaluate_at(truth, step.run_if, scope, f"{at}.run_if"):
            continue
        found: Any = None
        if step.request is not None:
            report = partial(log_verdict, redactor=session.redactor)
            found = yield from step_request(run, step.request, scope, f"{at}.request", report=report)
        if step.transform is not None:
            value = _evaluate_at(ask, step.transform, scope | {"response": found}, f"{at}.transform")
            found = None if value is UNDEFINED else value
            if found is not None:
                kept[step.name] = found
                effective.learn({step.name: found})
        results = {**results, step.name: found}
    return kept


def _evaluate_at(how: Any, text: str, scope: Scope, at: str) -> Any:
    try:
        return how(text, scope)
    except ExpressionError as error:
        error.at = at
        raise


def revoke(run: Run) -> Flow[bool]:
    """Make the vendor forget the account's credential. Returns False when the connector does not say how.

    Raises CredentialError when the vendor does not do it, VendorError when it is out of order.
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
