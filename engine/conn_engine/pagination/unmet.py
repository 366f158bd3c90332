"""What to say of a first page on which the setting finds nothing that should lead on, while another key is like it."""

import re
from typing import Any

from conn_engine.diagnostics import did_you_mean

__all__ = ["unmet"]

_PLAIN = re.compile(r"\w+(?:\.\w+)*")
_ELSEWHERE = ("prev", "first", "last", "self", "start", "total", "count")
"""How keys begin that stand beside the next page's and lead somewhere else."""


def unmet(setting: str, path: str | None, body: Any) -> str:
    """A note, when `path` names a key that the answer does not have and a key like it has a value; else nothing.

    A vendor that leaves the key out on its last page has none like it: a listing of one page gives no note.
    """
    if path is None or not _PLAIN.fullmatch(path):
        return ""
    level = body
    *above, name = path.split(".")
    for step in above:
        level = level.get(step) if isinstance(level, dict) else None
    if not isinstance(level, dict) or name in level:
        return ""
    telling = [
        key
        for key, value in level.items()
        if isinstance(value, str | int) and value and value is not True and not key.lower().startswith(_ELSEWHERE)
    ]
    meant = did_you_mean(name, telling)
    return f'the listing ends here: `{setting}` "{path}" finds nothing in the answer; {meant}' if meant else ""
