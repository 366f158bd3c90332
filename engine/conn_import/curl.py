"""Read curl commands, as documentation and browsers show them, as a collection of requests. No command is run."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

from conn_engine.errors import ConfigurationError
from conn_engine.urls import split_plain_url
from conn_import import postman
from conn_import.contract import Contract, Options
from conn_import.path_names import to_path_template
from conn_import.words import clean_text

__all__ = ["LABEL", "import_document", "read_commands"]

LABEL = "curl commands"
_MOST_TEXT = 300_000
_MOST_URL = 8_000
"""Characters of a URL and of all commands, far above what people copy: some of the work grows with their square."""
_CONTINUED = re.compile(r"[\\^`]\r?\n")
_ANSI_QUOTED = re.compile(r"\$'((?:[^'\\]|\\.)*)'", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "'": "'", '"': '"', "\\": "\\"}
_FOR_WINDOWS = re.compile(r'\^"[a-z]+://', re.IGNORECASE)
_CARET = re.compile(r"\^(\r?\n(\r?\n)?|.)", re.DOTALL)
_WORD = re.compile(r'(?:"(?:[^"\\]|\\.|"")*"|[^\s"])+', re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.|"")*)"', re.DOTALL)
_SEPARATORS = frozenset({";", "&", "&&", "|", "||"})
_TEXT_BODIES = frozenset({"data", "data-ascii", "data-raw", "data-binary"})
_TAKES_VALUE = frozenset({
    "request", "header", "data", "data-ascii", "data-raw", "data-binary", "data-urlencode", "json", "form",
    "form-string", "user", "url", "url-query", "user-agent", "referer", "cookie", "oauth2-bearer",
    "aws-sigv4", "cacert", "capath", "cert", "ciphers", "config", "connect-timeout", "connect-to",
    "continue-at", "cookie-jar", "dump-header", "interface", "key", "limit-rate", "max-redirs", "max-time",
    "output", "pass", "pinnedpubkey", "proto", "proxy", "proxy-user", "range", "rate", "request-target",
    "resolve", "retry", "retry-delay", "retry-max-time", "stderr", "time-cond", "trace", "trace-ascii",
    "unix-socket", "upload-file", "write-out",
})  # fmt: skip
"""The options of curl that have a value."""
_SHORT = {
    "X": "request", "H": "header", "d": "data", "F": "form", "u": "user", "A": "user-agent", "e": "referer",
    "b": "cookie", "G": "get", "I": "head", "E": "cert", "K": "config", "c": "cookie-jar", "D": "dump-header",
    "m": "max-time", "o": "output", "x": "proxy", "U": "proxy-user", "r": "range", "T": "upload-file", "w": "write-out",
    "z": "time-cond", "C": "continue-at",
}  # fmt: skip
_SENT = frozenset({"aws-sigv4", "cert", "config", "range", "upload-file", "request-target"})
"""Options that change what is sent, and cannot be imported."""


@dataclass(slots=True)
class _Command:
    """The request of one command."""

    urls: list[str] = field(default_factory=list)
    method: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    parts: list[dict[str, str]] = field(default_factory=list)
    auth: str = ""
    in_query: bool = False
    is_json: bool = False
    ignored: list[str] = field(default_factory=list)


def read_commands(text: str) -> dict[str, Any]:
    """Return a Postman collection with the requests of one or more curl commands.

    Its `ignored` names options that change what is sent and cannot be imported. Raises ConfigurationError if there is
    no complete command.
    """
    if len(text) > _MOST_TEXT:
        raise ConfigurationError(
            f"the curl commands have more than {_MOST_TEXT:,} characters",
            hint="import fewer at once, and shorten their bodies",
        )
    commands = list(_parse_words(_split(text)))
    if not commands or not all(command.urls for command in commands):
        raise ConfigurationError(
            "there is no complete curl command" if not commands else "a curl command has no URL",
            hint="pass it in quotes: --curl 'curl https://api.example.com/contacts', or - to read standard input",
        )
    if any(len(url) > _MOST_URL for command in commands for url in command.urls):
        raise ConfigurationError(
            f"a curl command has a URL of more than {_MOST_URL:,} characters", hint="shorten its path and its query"
        )
    host = split_plain_url(_complete_url(commands[0].urls[0])).hostname or ""
    labels = [label for label in host.split(".")[:-1] if label not in ("api", "www", "rest")]
    items = [_build_item(command, url) for command in commands for url in command.urls]
    ignored = sorted({option for command in commands for option in command.ignored})
    return {"info": {"name": labels[-1] if labels else host}, "item": items, "ignored": ignored}


def import_document(data: dict[str, Any], options: Options) -> Contract:
    """Return the contract of the requests."""
    contract = postman.import_document(data, options)
    contract.format = LABEL
    contract.title = ""
    for option in data["ignored"]:
        contract.losses.add(f"the curl option {option}")
    return contract


def _split(text: str) -> list[str]:
    """Return the words of a script for a POSIX shell or for cmd.exe, with the quotes removed."""
    if _FOR_WINDOWS.search(text):
        return _split_for_windows(text)
    text = _CONTINUED.sub(" ", text)
    text = _ANSI_QUOTED.sub(lambda found: shlex.quote(_unescape(found[1])), text)
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";|")
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError:
        raise _build_quote_error() from None


def _split_for_windows(text: str) -> list[str]:
    """Return the words of commands that browsers copy for cmd.exe. A caret escapes each character that has a meaning
    for cmd.exe, also a line break; curl then reads quotes in quotes as `\\"` or `""`."""
    text = _CARET.sub(lambda found: "\n" if found[2] else " " if "\n" in found[1] else found[1], text)
    if _WORD.sub("", text).strip():
        raise _build_quote_error()
    return [
        _QUOTED.sub(lambda found: re.sub(r'"(")|\\([\\"`$])', _unquote, found[1]), word) for word in _WORD.findall(text)
    ]


def _unquote(found: re.Match[str]) -> str:
    return found[1] or found[2]


def _build_quote_error() -> ConfigurationError:
    return ConfigurationError("the curl command has a quote that is not closed", hint="copy the complete command")


def _unescape(text: str) -> str:
    text = re.sub(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})", lambda found: chr(int(found[1] or found[2], 16)), text)
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), text, flags=re.DOTALL)


def _parse_words(words: list[str]) -> Iterator[_Command]:
    command: _Command | None = None
    rest = iter(words)
    for word in rest:
        if re.fullmatch(r"(?:\S*[/\\])?curl(?:\.exe)?", word):
            if command is not None:
                yield command
            command = _Command()
        elif command is None:
            continue  # a prompt, a variable, or another command
        elif word in _SEPARATORS:
            yield command
            command = None
        elif word.startswith("--"):
            name, sign, value = word[2:].partition("=")
            _take(command, name, value if sign else next(rest, "") if name in _TAKES_VALUE else "")
        elif word.startswith("-") and len(word) > 1:
            _take_short(command, word[1:], rest)
        else:
            command.urls.append(word)
    if command is not None:
        yield command


def _take_short(command: _Command, letters: str, rest: Iterator[str]) -> None:
    """Take options such as `-sSL` and `-XPOST`: the first that has a value ends the word."""
    for index, letter in enumerate(letters):
        name = _SHORT.get(letter, letter)
        if name in _TAKES_VALUE:
            _take(command, name, letters[index + 1 :] or next(rest, ""))
            return
        _take(command, name, "")


def _take(command: _Command, name: str, value: str) -> None:
    if name == "request":
        command.method = value
    elif name in ("url", "url-query"):
        command.urls.append(value) if name == "url" else command.data.append(value)
        command.in_query |= name == "url-query"
    elif name == "header":
        header, _, content = value.partition(":")
        command.headers.append((header.strip().rstrip(";"), content.strip()))
    elif name in _TEXT_BODIES or name in ("json", "data-urlencode"):
        _take_data(command, name, value)
    elif name in ("form", "form-string"):
        key, _, content = value.partition("=")
        is_file = name == "form" and content[:1] in ("@", "<")
        command.parts.append({"key": key, "type": "file" if is_file else "text", "value": "" if is_file else content})
    elif name in ("user", "oauth2-bearer"):
        command.auth = "basic" if name == "user" else "bearer"
    elif name in ("get", "head"):
        command.in_query |= name == "get"
        command.method = command.method or ("HEAD" if name == "head" else "")
    elif name in _SENT:
        command.ignored.append(f"--{clean_text(name, 40)}")


def _take_data(command: _Command, name: str, value: str) -> None:
    if value.startswith("@") and name != "data-raw":
        command.ignored.append(f"--{name} with a file")
        return
    if name == "data-urlencode":
        key, sign, content = value.partition("=")
        value = f"{key}={quote(content)}" if sign and key else quote(content or key)
    command.is_json |= name == "json"
    command.data.append(value)


def _complete_url(url: str) -> str:
    return url if "://" in url else f"https://{url}"


def _build_item(command: _Command, url: str) -> dict[str, Any]:
    whole, _, query = _complete_url(url).partition("#")[0].partition("?")
    parts = split_plain_url(whole)
    path = to_path_template(unquote(parts.path) or "/")
    data = "&".join(command.data)
    if command.in_query and data:
        query, data = (f"{query}&{data}" if query else data), ""
    method = command.method or ("POST" if data or command.parts else "GET")
    base = f"{parts.scheme}://{parts.netloc}"
    request = {
        "method": method.upper(),
        "url": f"{base}{path}{'?' if query else ''}{query}",
        "header": [{"key": name, "value": value} for name, value in command.headers if name],
    }
    auth = {"auth": {"type": command.auth}} if command.auth else {}
    body = _build_body(command, data)
    return {"name": "", "request": {**request, **auth, **({"body": body} if body else {})}}


def _build_body(command: _Command, data: str) -> dict[str, Any] | None:
    if command.parts:
        return {"mode": "formdata", "formdata": command.parts}
    if not data:
        return None
    kind = next((value.lower() for name, value in command.headers if name.lower() == "content-type"), "")
    if command.is_json or "json" in kind or data.lstrip()[:1] in ("{", "["):
        return {"mode": "raw", "raw": data}
    if not kind or "x-www-form-urlencoded" in kind:
        pairs = [pair.partition("=") for pair in data.split("&") if pair]
        rows = [{"key": unquote(key), "value": unquote(value.replace("+", " "))} for key, _, value in pairs]
        return {"mode": "urlencoded", "urlencoded": rows}
    language = "xml" if "xml" in kind else "text"
    return {"mode": "raw", "raw": data, "options": {"raw": {"language": language}}}
