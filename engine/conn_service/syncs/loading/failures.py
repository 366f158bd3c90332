"""Why a destination does not take the rows of a load."""

import re
from typing import Final

from conn_service.syncs.loading.messages import LoadReply

__all__ = ["LoadFailedError", "describe_failure"]

_USER: Final = re.compile(r"://[^/\s@]*@")
"""The user and the password in an address."""
_PASSING: Final = ("lock", "timeout", "timed out", "connection", "no space", "disk full")


class LoadFailedError(Exception):
    """Rows are not loaded."""

    def __init__(self, reply: LoadReply) -> None:
        super().__init__(reply.message)
        self.reply = reply


def describe_failure(reason: str, run_id: str, *, passing: str, lasting: str = "") -> LoadReply:
    """Return the reply for an error of a destination. `passing` is what to do about one that passes, and `lasting`
    about another one."""
    text = _USER.sub("://", reason)[:300]
    message = f"the destination does not take the records: {text}"
    if any(words in text.lower() for words in _PASSING):
        return LoadReply("passing", message, f"{passing}; the run continues by itself")
    fix = lasting or "correct the destination"
    return LoadReply("lasting", message, f"{fix}, then repeat the delivery: conn sync retry {run_id}")
