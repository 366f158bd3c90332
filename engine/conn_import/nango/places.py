"""Where an entry's vendor is reached: `base_url`, and the hosts that may get the credential."""

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from conn_engine.config.host_patterns import host_pattern
from conn_engine.urls import split_plain_url
from conn_import.nango.making import PLACEHOLDER, Making
from conn_import.nango.names import bare
from conn_import.places import usable_url
from conn_import.words import plain

__all__ = ["Url", "find_hosts", "read_base_url"]

_HOST = re.compile(r"https?://([^/?#]+)", re.IGNORECASE)
_NAME = re.compile(r"\$\{([^{}]+)\}")
_PLAIN_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?", re.IGNORECASE)
_NOBODY = re.compile(r"(?:^|[.-])(?:example|my|your|company|mycompany|acme|domain|host|local)", re.IGNORECASE)
_MOST_HOSTS = 60

Url = tuple[str, str]
"""A URL of the entry as it is written there, and as a template."""


def read_base_url(making: Making, given: str, urls: list[str]) -> str:
    """The base URL as a template. `given` is the caller's own, `urls` are those that may tell it when the entry does
    not."""
    text = making.entry.text("proxy", "base_url").strip()
    if given:
        return given.rstrip("/")
    if not text:
        return _unsaid(making, urls)
    if "||" in text and "${" in text:
        return making.url(text, "proxy.base_url") or PLACEHOLDER
    if _holds_scheme(making, text):
        text = re.sub(r"^https?://", "", text)
    lone = _NAME.match(text)
    if lone is not None and bare(lone[1]) in making.capture and lone.end() == len(text.rstrip("/")):
        value = making.names.meaning(lone[1])
        return f"{{{{$contains({value}, '://') ? {value} : 'https://' & {value}}}}}"
    if lone is not None and "." in text[lone.end() :].partition("/")[0]:
        text = f"https://{text}"
    if making.names.is_secret(text):
        making.losses.add("proxy.base_url: it has a secret in it; base_url is a placeholder")
        return PLACEHOLDER
    made = making.url(text.rstrip("/"), "proxy.base_url")
    if made is None or ("{{" not in made and not usable_url(made)):
        making.losses.add(f"proxy.base_url {plain(text, 80)}: it is no usable URL; base_url is a placeholder")
        return PLACEHOLDER
    return made


def _unsaid(making: Making, urls: list[str]) -> str:
    for url in urls:
        found = _HOST.match(url)
        if found is not None and "${" not in found[1]:
            making.notes["base_url",] = "guess: the host of the token URL"
            making.losses.add("the base URL: the entry says none; it is guessed from the token URL")
            return f"https://{found[1]}"
    why = f" (that of {plain(making.entry.missing, 60)} would)" if making.entry.missing else ""
    making.losses.add(f"the base URL: the entry says none{why}; base_url is a placeholder (or import with --base-url)")
    return PLACEHOLDER


def _holds_scheme(making: Making, text: str) -> bool:
    """Whether `https://${x}` has a value of its own that begins with the scheme too."""
    found = re.match(r"https?://\$\{([^{}]+)\}$", text.rstrip("/"))
    row = _row(making, found[1]) if found is not None else {}
    return str(row.get("pattern", "")).startswith(("^https?:", "^https:")) and not row.get("prefix")


def _row(making: Making, name: str) -> Mapping[str, Any]:
    for group in ("connection_config", "integration_config", "credentials"):
        row = making.entry.peek(group, bare(name))
        if isinstance(row, Mapping):
            return row
    return {}


def find_hosts(making: Making, urls: list[Url]) -> list[str]:
    """What `hosts` says: nothing where the URLs themselves tell it, a placeholder where nothing tells."""
    found: dict[str, None] = {}
    told, guessed, left_open = True, False, []
    for text, template in urls:
        for one in text.split("||"):
            patterns, guess = _patterns(making, one.strip())
            if patterns is None:
                left_open.append(", ".join(_NAME.findall(one.partition("://")[2].partition("/")[0] or one)))
                told = False
                continue
            guessed |= guess
            found.update(dict.fromkeys(patterns))
            told &= patterns == [host_pattern(template)]
    if left_open:
        where = "list them under hosts, or each under trusted_hosts in conn.yaml"
        for name in dict.fromkeys(left_open):
            making.losses.add(
                f"which hosts may get the credential, where an account says them: {where}", plain(name, 80)
            )
    if told or not urls:
        return []
    if guessed:
        making.notes["hosts",] = "guess, from an example or a pattern of the entry"
    if not found:
        making.notes["hosts",] = "a placeholder: the entry names none"
        return [split_plain_url(PLACEHOLDER).netloc]
    return list(found)[:_MOST_HOSTS]


def _patterns(making: Making, url: str) -> tuple[list[str] | None, bool]:
    """The host patterns of one URL, and whether they are a guess. None where it leaves the host open."""
    host = _HOST.match(url)
    whole = _NAME.match(url)
    text = host[1] if host is not None else whole[0] if whole is not None else ""
    names = _NAME.findall(text)
    if not names:
        return ([text.lower()], False) if _PLAIN_HOST.fullmatch(text) else (None, False)
    choices = [_values(making, name) for name in names]
    if all(choices):
        made = [_with(text, values) for values in itertools.islice(itertools.product(*choices), _MOST_HOSTS)]
        return [one for one in made if one], False
    if _NAME.fullmatch(text):
        pattern = _of_one(making, names[0])
        return ([pattern], True) if pattern else (None, False)
    starred = _with(text, ["*"] * len(names))
    ends = starred.rpartition("*")[2]
    return (
        ([starred], False)
        if ends.startswith(".") and ends.count(".") >= 2 and starred.count("*") < 4
        else (None, False)
    )


def _with(text: str, values: "tuple[str, ...] | list[str]") -> str:
    turn: Iterator[str] = iter(values)
    return _NAME.sub(lambda _: next(turn), text).lower()


def _values(making: Making, name: str) -> list[str]:
    options = _row(making, name).get("enum")
    values = [str(one) for one in options] if isinstance(options, list) else []
    return values if all(_PLAIN_HOST.fullmatch(one) for one in values) else []


def _of_one(making: Making, name: str) -> str:
    """A host that is one value: told by the end of its pattern, or by its example."""
    row = _row(making, name)
    end = re.search(r"\\\.((?:[a-z0-9-]+\\\.)+[a-z]{2,})\$$", str(row.get("pattern", "")))
    if end is not None:
        return "*." + end[1].replace("\\.", ".")
    example = re.sub(r"^https?://", "", str(row.get("example", ""))).partition("/")[0].lower()
    labels = example.split(".")
    if len(labels) < 3 or not _PLAIN_HOST.fullmatch(example) or _NOBODY.search(".".join(labels[1:])):
        return ""
    return ".".join(["*", *labels[1:]])
