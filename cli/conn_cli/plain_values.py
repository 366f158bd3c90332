"""Texts of the command line, taken as they are.

Typer converts each value by a pydantic adapter. For a text or a value that is not given there is nothing to convert,
and importing pydantic takes longer than many a command.
"""

from typing import Any

__all__ = ["take_plain_values"]


def take_plain_values(command: Any) -> Any:
    """The command, with its parameters converting only what has to be. Other versions of Typer stay as they are."""
    own = command.get_params

    def get_params(ctx: Any) -> Any:
        params = own(ctx)
        for param in params:
            if getattr(param, "_runtime_param", ...) is None and hasattr(param, "type_descriptor"):
                param._runtime_param = _PlainValue(param)
        return params

    command.get_params = get_params
    return command


class _PlainValue:
    """Stands for Typer's `RuntimeParam` of one parameter, which it makes when it needs it."""

    def __init__(self, param: Any) -> None:
        described = param.type_descriptor
        self._plain = described.annotation in {str, list[str]} and described.parameter_info.parser is None
        self._own: Any = None

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value as the command is given it."""
        many = param.multiple or param.nargs == -1
        if value is None:
            return () if many else None
        if self._plain and many and isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
            return list(value)
        if self._plain and not many and isinstance(value, str):
            return value
        if self._own is None:
            param._runtime_param = None
            self._own = param.get_runtime_param()
            param._runtime_param = self
        return self._own.coerce(value, param=param, ctx=ctx)
