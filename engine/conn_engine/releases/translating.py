"""Translate the errors of a database into errors that say what to do. Every store uses this."""

from sqlalchemy import exc

from conn_engine.errors import ConnError
from conn_engine.releases.faults import StoreFault, StoreRefusedError, StoreUnreachableError
from conn_engine.releases.store_location import StoreLocation
from conn_engine.secrets import Redactor

__all__ = ["translate_store_error"]

_REFUSED = ("28000", "28P01")
_REFUSED_WORDS = ("authentication failed", "no password supplied", "role ", "no pg_hba.conf entry")
_MISSING_DATABASE = "3D000"
_TOO_MANY = ("too many clients", "connection slots are reserved", "too many connections")
_FULL = ("database or disk is full", "no space left on device")


def translate_store_error(error: exc.SQLAlchemyError, location: StoreLocation) -> ConnError:
    """Return the error to raise instead of that of the driver. It never contains the password."""
    cause = getattr(error, "orig", None)
    reason = Redactor(location.secrets).text(_take_first_line(cause or error))
    where = location.public_text
    state = str(getattr(cause, "sqlstate", None) or "")
    if isinstance(error, exc.TimeoutError) or "database is locked" in reason or state == "55P03":
        return StoreUnreachableError(f"the store {where} is busy: another process has been writing for too long")
    if state == "53300" or any(words in reason for words in _TOO_MANY):
        return StoreUnreachableError(
            f"the store {where} has no connection left",
            fault="connect",
            hint="raise max_connections of Postgres, or start fewer workers",
        )
    if state in _REFUSED or (not state and any(words in reason for words in _REFUSED_WORDS)):
        return StoreRefusedError(
            f"the store {where} refuses the user: {reason}", hint="correct the user or the password"
        )
    if state == _MISSING_DATABASE or ("does not exist" in reason and "database " in reason):
        return StoreFault(f"there is no store at {where}: {reason}", hint="create the database first: createdb NAME")
    if state == "42501" or "readonly" in reason or "permission denied" in reason:
        return StoreFault(f"the store {where} cannot be written: {reason}", hint="correct the permissions")
    if state == "53100" or any(words in reason.lower() for words in _FULL):
        return StoreUnreachableError(
            f"the store {where} cannot be written: the disk is full", hint="make room, and try again: nothing is lost"
        )
    if isinstance(error, exc.OperationalError | exc.InterfaceError) and location.url is not None:
        return StoreUnreachableError(f"the store {where} does not respond: {reason}", fault="connect")
    return StoreFault(
        f"the store {where} cannot be used: {reason}",
        hint="check the address; the file may be damaged or not be a store",
    )


def _take_first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
