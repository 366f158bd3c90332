"""Skip the conversion of command-line values that are already strings.

Typer converts each value with pydantic, whose import takes longer than many commands. Strings and absent values need no
conversion.
"""

from typing import Any

__all__ = ["take_plain_values"]


def take_plain_values(command: Any) -> Any:
    """Make the parameters of a command convert only other types than text. Has no effect on other versions of Typer."""
    original = command.get_params

    def get_params(ctx: Any) -> Any:
        params = original(ctx)
        for param in params:
            if getattr(param, "_runtime_param", ...) is None and hasattr(param, "type_descriptor"):
                param._runtime_param = _PlainValue(param)
        return params

    command.get_params = get_params
    return command


class _PlainValue:
    """Replaces Typer's `RuntimeParam` of one parameter, which is only created if it is needed."""

    def __init__(self, param: Any) -> None:
        described = param.type_descriptor
        self._plain = described.annotation in {str, list[str]} and described.parameter_info.parser is None
        self._original: Any = None

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the value that is passed to the command."""
        many = param.multiple or param.nargs == -1
        if value is None:
            return () if many else None
        if self._plain and many and isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            return list(value)
        if self._plain and not many and isinstance(value, str):
            return value
        if self._original is None:
            param._runtime_param = None
            self._original = param.get_runtime_param()
            param._runtime_param = self
        return self._original.coerce(value, param=param, ctx=ctx)
