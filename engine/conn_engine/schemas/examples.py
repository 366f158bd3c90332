"""Examples of settings and of findings.

`tests/drift/explain_examples.py` takes them from the pages of the documentation and from the tests of the codes, which
run them.
"""

from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

__all__ = ["FILE", "find_code_example", "find_setting_example"]

FILE: Final = Path(__file__).parent / "examples.json"


def find_setting_example(name: str) -> str:
    """Return the example of a kind of settings or of a key (`kind#key`) as text, or an empty string."""
    example = _load()["settings"].get(name)
    return f"example ({example['page']}):\n\n{_indent(example['text'])}" if example else ""


def find_code_example(code: str) -> str:
    """Return the example of a finding as text: a line, what is found, and the fix; an empty string without one."""
    example = _load()["codes"].get(code)
    if example is None:
        return ""
    fix = f"\n  fix: {example['fix']}" if example["fix"] else ""
    return f"example:\n\n  {example['line']}\n  {code}: {example['message']}{fix}"


@cache
def _load() -> dict[str, Any]:
    examples: dict[str, Any] = msgspec.json.decode(FILE.read_bytes())
    return examples


def _indent(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.rstrip().split("\n"))
