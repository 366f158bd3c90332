"""Resolve the names in `${…}`: values of an account's context, of its credential and of the request."""

from dataclasses import dataclass, field

from conn_import.nango.templates import UntranslatableText, find_names, to_expression, to_picture, to_template
from conn_import.words import clean_text, find_free_name, to_identifier, to_snake

__all__ = ["Names", "strip_prefix"]

_RESERVED = frozenset({
    "and", "or", "in", "env", "context", "oauth", "session", "client", "before", "callback", "consent", "assertion",
    "captured", "request", "timestamp", "timestamp_ms", "date", "nonce", "signature", "true", "false", "null",
})  # fmt: skip
_CONTEXT = ("connectionConfig.", "connection_config.", "integrationConfig.", "integration_config.")
_CREDENTIAL = ("credentials.", "credential.")


def strip_prefix(name: str) -> str:
    """Remove the prefix that says where a name belongs."""
    for start in (*_CONTEXT, *_CREDENTIAL):
        if name.startswith(start):
            return name[len(start) :]
    return name


@dataclass(slots=True)
class Names:
    """The names of an entry. `context` maps an account's values to their names in its context, and `secrets` maps those
    of its credential. `token` is the expression for the access token, or "".

    `base_path` is the path before an operation's path, `steps` are the names of requests before the token request, and
    `mentioned` are values that a string uses but the entry does not describe.
    """

    context: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    optional: set[str] = field(default_factory=set)
    defaults: dict[str, str] = field(default_factory=dict)
    steps: set[str] = field(default_factory=set)
    token: str = ""
    refresh: str = ""
    base_path: str = ""
    mentioned: list[str] = field(default_factory=list)

    def add_context(self, name: str) -> str:
        """Add a value of the account's context by the entry's name. Returns its name in the context."""
        if name not in self.context:
            self.context[name] = _find_free_name(to_identifier(name), set(self.context.values()))
        return self.context[name]

    def add_secret(self, name: str, called: str = "") -> str:
        """Add a value of the account's credential by the entry's name. Returns its name in the credential."""
        if name not in self.secrets:
            chosen = called or to_snake(name) or "value"
            chosen = chosen if chosen[0].isalpha() else f"key_{chosen}"
            self.secrets[name] = _find_free_name(chosen, set(self.secrets.values()))
        return self.secrets[name]

    def to_expression(self, name: str) -> str:
        """Return the expression for a name. Raises Unsayable for an unknown one."""
        if name in ("accessToken", "access_token") and self.token:
            return self.token
        if name in ("refresh_token", "refreshToken") and self.refresh:
            return self.refresh
        if name.startswith(_CONTEXT):
            return self._read_context(strip_prefix(name))
        whole = strip_prefix(name)
        head, _, part = whole.partition(".")
        if whole in self.secrets:
            return self.secrets[whole]
        if part in ("id", "secret") and head in self.secrets:
            # A key of two parts: `ID:SECRET`.
            return f"$substring{'Before' if part == 'id' else 'After'}({self.secrets[head]}, ':')"
        if head in self.steps:
            return f"before.{whole}"
        if whole in self.context and not name.startswith(_CREDENTIAL):
            return self._read_context(whole)
        if name == "endpoint":
            return f"$substringAfter(request.path, '{self.base_path}')" if self.base_path else "request.path"
        return _read_moment_value(name)

    def _read_context(self, name: str) -> str:
        if name in self.secrets:
            return self.secrets[name]
        if name not in self.context:
            self.mentioned.append(name)
            self.add_context(name)
        value = f"context.{self.context[name]}"
        default = self.defaults.get(name)
        quoted = "'" + default.replace("\\", "\\\\").replace("'", "\\'") + "'" if default else ""
        return f"({value} ?? {quoted})" if quoted else value

    def is_secret(self, text: str) -> bool:
        """Return whether the text needs the account's credential."""
        return any(self._is_secret(name) for name in find_names(text))

    def _is_secret(self, name: str) -> bool:
        whole = strip_prefix(name)
        token = name in ("accessToken", "access_token", "refresh_token", "refreshToken")
        return token or whole in self.secrets or whole.partition(".")[0] in self.secrets

    def has_token(self, text: str) -> bool:
        """Return whether the text contains the access token."""
        return any(name in ("accessToken", "access_token") for name in find_names(text))

    def to_template(self, text: str, *, bars: bool = True, whole: bool = True) -> str:
        """Return the text as a template. Raises UntranslatableText.

        A string that needs an optional value is null without it, unless the text is part of something required (not
        `whole`): the values of a URL become required.
        """
        if not whole:
            self.optional -= {strip_prefix(name) for name in find_names(text)}
        wanted = [
            self.to_expression(name) for name in dict.fromkeys(find_names(text)) if strip_prefix(name) in self.optional
        ]
        if not wanted or "||" in text:
            return to_template(text, self.to_expression, bars=bars)
        return f"{{{{{' and '.join(wanted)} ? {to_expression(text, self.to_expression)} : null}}}}"


def _find_free_name(name: str, taken: set[str]) -> str:
    """Return the name, or a similar one that is free."""
    return find_free_name(f"{name}_value" if name in _RESERVED | taken else name, taken)


def _read_moment_value(name: str) -> str:
    """Time and chance as signatures and token requests have them, the same throughout one request."""
    if name == "random":
        return "nonce"
    if name == "now":
        return "$fromMillis(timestamp_ms)"
    if name.startswith("now:"):
        return f"$fromMillis(timestamp_ms, '{to_picture(name[4:])}')"
    raise UntranslatableText(f"{clean_text(name, 60)}, which the entry does not define")
