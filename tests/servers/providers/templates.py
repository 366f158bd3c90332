"""What an entry's `${…}` give for values: an evaluator that knows nothing of the importer's."""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

__all__ = ["Unknown", "Values", "deep", "evaluated"]

INNERMOST = re.compile(r"\$\{([^${}]*)\}")
FUNCTION = re.compile(r"(base64|sha256Hex|fingerprint)\((.*)\)", re.DOTALL)


class Unknown(KeyError):
    """A name without a value: the entry leaves it open."""


def _fingerprint(pem: str) -> str:
    public = load_pem_private_key(pem.encode(), None).public_key()
    digest = hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    return "SHA256:" + base64.b64encode(digest).decode()


FUNCTIONS: dict[str, Callable[[str], str]] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "sha256Hex": lambda text: hashlib.sha256(text.encode()).hexdigest(),
    "fingerprint": _fingerprint,
}


class Values:
    """The values of one connection: `config` of connectionConfig, `credentials`, and further names by themselves."""

    def __init__(self, config: Mapping[str, str], credentials: Mapping[str, Any]) -> None:
        self.config = dict(config)
        self.credentials = dict(credentials)
        self.further: dict[str, Any] = {}

    def __getitem__(self, name: str) -> str:
        scope, _, rest = name.partition(".")
        if scope == "connectionConfig":
            found: Any = self.config.get(rest)
        elif scope == "credentials":
            found = self._in(self.credentials, rest)
        else:
            found = self.further.get(name, self._in(self.further, name))
            found = self.credentials.get(name) if found is None else found
        if found is None:
            raise Unknown(name)
        return str(found)

    def _in(self, data: Any, path: str) -> Any:
        head, _, rest = path.partition(".")
        value = data.get(head) if isinstance(data, Mapping) else None
        if rest in ("id", "secret") and isinstance(value, str):
            return value.split(":")[0 if rest == "id" else 1]
        return self._in(value, rest) if rest else value


def evaluated(text: str, values: Values) -> str:
    """The text with every `${…}` replaced, the innermost first. Raises Unknown."""

    def one(found: re.Match[str]) -> str:
        call = FUNCTION.fullmatch(found[1])
        return FUNCTIONS[call[1]](call[2]) if call is not None else values[found[1]]

    while INNERMOST.search(text):
        text = INNERMOST.sub(one, text)
    return text


def deep(data: Any, values: Values) -> Any:
    """Data with every text in it evaluated; what has no value is left out."""
    if isinstance(data, str):
        return evaluated(data, values)
    if isinstance(data, list):
        return [deep(item, values) for item in data]
    if not isinstance(data, dict):
        return data
    made = {}
    for name, item in data.items():
        try:
            made[name] = deep(item, values)
        except Unknown:
            continue
    return made
