"""The place and the fix of an error that has no findings."""

from conn_engine.errors import ConnError, ExpressionError, ParameterError, VendorError

__all__ = ["describe_place", "suggest_fix"]


def describe_place(error: ConnError) -> str:
    """Return the place of an error that has no findings: the partition in which an operation failed, such as `board 3`,
    which the request may not contain, or the path of an expression in the configuration."""
    if isinstance(error, ExpressionError):
        return error.at
    items = error.partition.items() if isinstance(error, VendorError) else ()
    return ", ".join(f"{name} {str(value)[:60]}" for name, value in items if isinstance(value, str | int))


def suggest_fix(error: ConnError) -> str:
    """Return what to do about an error, such as where to set the missing value of a `{{…}}`."""
    if error.hint:
        return error.hint
    if not isinstance(error, ExpressionError) or error.code != "unresolved":
        return ""
    if isinstance(error, ParameterError):
        return f"pass it: --param {error.name}=VALUE"
    if error.token.startswith("context."):
        return f"add a value to the account: context: {{{error.token.removeprefix('context.')}: …}}"
    return ""
