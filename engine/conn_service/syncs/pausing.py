"""What keeps a run from its next page: a failure, after which it waits or ends, or one of its limits."""

from typing import Final

from conn_engine.errors import ConfigurationError, ConnError, CredentialError, TransportError, VendorError
from conn_engine.syncs import SyncPlan
from conn_service.syncs.filling import RecordStopError
from conn_service.syncs.phases import Advance
from conn_service.syncs.store import ENDED, RunRow, SyncStore

__all__ = ["MOST_PAGES", "can_retry", "check_limits", "describe_internal", "judge_failure", "wait_for_login"]

MOST_PAGES: Final = 1_000_000
_LOGIN_PAUSE = 60.0
_USUAL_PAUSE = 60.0
_FIRST_RETRY = 15.0
_MOST_FAILURES = 5


def check_limits(run: RunRow, plan: SyncPlan, now: float) -> None:
    """Raise ConfigurationError for a run with too many pages, or one that takes too long."""
    if run.seq >= MOST_PAGES:
        raise ConfigurationError(f"the run has read {MOST_PAGES:,} pages", hint="select fewer records")
    if plan.max_runtime is not None and now - run.began > plan.max_runtime.total_seconds():
        raise ConfigurationError(
            "the run takes longer than max_runtime", hint="raise max_runtime, or select fewer records"
        )


def judge_failure(run: RunRow, error: Exception, store: SyncStore, now: float) -> Advance:
    """Return how a run continues after an error of its next page, and note it in the store."""
    if not isinstance(error, ConnError):
        return _log_failure(run, store, describe_internal(error))
    pause = _find_pause(run, error, store)
    if pause is None:
        log = error.log_text if isinstance(error, RecordStopError) else ""
        store.set_report(run.id, {"hint": error.hint})
        return _log_failure(run, store, error.message, log=log)
    store.set_status(run.id, "waiting", error.message, unless=ENDED, resumes_at=now + pause)
    return Advance("wait", pause, error.message)


def wait_for_login(run: RunRow, error: CredentialError, store: SyncStore, option: str) -> Advance:
    """Let a run wait until its account has a credential that can be used, and say in the store what to do. `option` is
    that of `conn auth` for the credentials that the worker uses."""
    fix = error.hint
    if not fix or "conn auth login" in fix:
        fix = f"conn auth login {run.account}{option}"
    elif fix.startswith("conn auth set"):
        fix += option
    reason = f"{error.message}; to continue the run: {fix}"
    store.set_status(run.id, "login", reason, unless=ENDED)
    return Advance("login", _LOGIN_PAUSE, reason)


def _log_failure(run: RunRow, store: SyncStore, reason: str, *, log: str = "") -> Advance:
    """Write why a run fails into its log: with `log` instead of the reason, if that has values of a record."""
    store.add_log_line(run, "status", f"fails: {log or reason}")
    return Advance("failed", reason=reason)


def _find_pause(run: RunRow, error: ConnError, store: SyncStore) -> float | None:
    """Return how long to wait before the page is fetched again, None if that makes no sense."""
    if not isinstance(error, VendorError):
        return None
    if error.kind == "rate_limited":
        return max(error.retry_after or _USUAL_PAUSE, 1.0)
    if not isinstance(error, TransportError) and error.kind != "vendor_unavailable":
        return None
    store.add_count(run.id, "failures")
    return _FIRST_RETRY * 2 ** run.counts.get("failures", 0) if can_retry(run, error) else None


def can_retry(run: RunRow, error: ConnError) -> bool:
    """Return whether a run waits after an error of the vendor that passes, or has done so too often."""
    is_refusal = isinstance(error, VendorError) and error.kind == "rate_limited"
    return is_refusal or run.counts.get("failures", 0) < _MOST_FAILURES


def describe_internal(error: Exception) -> str:
    """Return what an unexpected error is, without its text: that may contain records."""
    return f"internal error: {type(error).__name__}"
