"""Find credentials by their form: tokens of well-known vendors, JSON Web Tokens, private keys, and values after the
word `Bearer`. Their values are not known."""

import re
from collections.abc import Iterator
from functools import cache

__all__ = ["build_token_pattern", "find_shapes", "is_random", "locate_shapes"]

# A string that each of them contains, and its pattern.
_TOKENS = {
    "sk_": r"sk_(?:live|test)_[0-9A-Za-z]{16,}",
    "rk_": r"rk_(?:live|test)_[0-9A-Za-z]{16,}",
    "whsec_": r"whsec_[0-9A-Za-z+/]{20,}",
    "xox": r"xox[abeprs]-[0-9A-Za-z-]{10,}",
    "xapp-": r"xapp-[0-9A-Za-z-]{20,}",
    "gh": r"gh[pousr]_[0-9A-Za-z]{30,}",
    "github_pat_": r"github_pat_[0-9A-Za-z_]{40,}",
    "glpat-": r"glpat-[\w-]{18,}",
    "AKIA": r"AKIA[0-9A-Z]{16}",
    "ASIA": r"ASIA[0-9A-Z]{16}",
    "AIza": r"AIza[\w-]{35}",
    "ya29.": r"ya29\.[\w-]{20,}",
    "1//0": r"1//0[\w-]{30,}",
    "GOCSPX-": r"GOCSPX-[\w-]{20,}",
    "pat-": r"pat-(?:na|eu)1-[0-9a-f-]{30,}",
    "shp": r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",
    "SG.": r"SG\.[\w-]{16,}\.[\w-]{16,}",
    "sk-": r"sk-(?:(?:proj|ant|or|svcacct)-[\w-]{20,}|[0-9A-Za-z]{32,})",
    "npm_": r"npm_[0-9A-Za-z]{36}",
    "pypi-": r"pypi-[\w-]{50,}",
    "dop_v1_": r"dop_v1_[0-9a-f]{64}",
    "ATATT3": r"ATATT3[\w=-]{50,}",
    "lin_": r"lin_(?:api|oauth)_[0-9A-Za-z]{32,}",
    "secret_": r"secret_[0-9A-Za-z]{40,}",
    "ntn_": r"ntn_[0-9A-Za-z]{40,}",
    "key-": r"key-[0-9a-f]{32}",
    "sq0": r"sq0(?:atp|csp|idp)-[\w-]{22,}",
    "EAA": r"EAA[0-9A-Za-z]{10,400}Z[A-D][0-9A-Za-z]{20,}",
    "hf_": r"hf_[0-9A-Za-z]{30,}",
    "NRAK-": r"NRAK-[0-9A-Z]{27}",
    "PMAK-": r"PMAK-[0-9a-f-]{50,}",
    "local.": r"v[1-4]\.local\.[\w-]{30,}",
    "public.": r"v[1-4]\.public\.[\w-]{30,}",
    "eyJ": r"eyJ[\w-]{10,}\.(?:[\w-]*\.[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}|[\w-]{10,}\.[\w-]{5,})",
}
_KNOWN_KIND = "a token with a well-known form"
_OTHERS = (
    (
        "a private key",
        "-----BEGIN ",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z0-9 ]{0,20}-----"
        r"(?:[^-]|-(?!----)){0,20000}(?:-----END [A-Z0-9 ]{1,60}-----)?",
    ),
    (_KNOWN_KIND, ":AA", r"[0-9]{8,10}:AA[\w-]{33,40}"),
    ("a bearer token", "earer", r"\b[Bb]earer(?: |%20|\+){1,3}([\w.~+/=:-]{8,})"),
    ("a user's name and password", "asic", r"\b[Bb]asic(?: |%20|\+){1,3}([A-Za-z0-9+/_-]{8,}={0,2})(?![\w-])"),
)
_RANDOM = re.compile(r"(?=\S*[0-9])(?=\S*[A-Za-z])[A-Za-z0-9_.:~+/=-]{16,}")
_DATED = re.compile(r"\d{4}-\d{2}(?:-\d{2})?(?:[T.-].*)?")
_LETTERS = re.compile(r"[A-Za-z]+=*")


@cache
def build_token_pattern() -> re.Pattern[str]:
    """Build a pattern for tokens of well-known vendors and JSON Web Tokens."""
    return re.compile("|".join(map(_set_apart, _TOKENS.values())))


def is_random(text: str) -> bool:
    """Return whether a string is long and looks random: neither a word nor a date."""
    return _RANDOM.fullmatch(text) is not None and _DATED.fullmatch(text) is None


def locate_shapes(text: str) -> list[tuple[int, int]]:
    """Return the places of credentials, sorted and without overlaps."""
    joined: list[tuple[int, int]] = []
    for start, end, _ in sorted(_find_shapes(text)):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def find_shapes(text: str) -> list[str]:
    """Return the kinds of credentials in the text, for people."""
    return list(dict.fromkeys(label for _, _, label in _find_shapes(text)))


def _find_shapes(text: str) -> Iterator[tuple[int, int, str]]:
    for part, pattern in _TOKENS.items():
        if part in text:
            yield from ((*match.span(), _KNOWN_KIND) for match in _compile(_set_apart(pattern)).finditer(text))
    for label, part, pattern in _OTHERS:
        if part not in text:
            continue
        for match in _compile(pattern).finditer(text):
            group = match.lastindex or 0
            if not group or _LETTERS.fullmatch(match[group]) is None:  # "Basic functions" are words
                yield *match.span(group), label


def _set_apart(pattern: str) -> str:
    """Return the pattern limited to the start of a word, so that it is tried once in a run of its characters."""
    return rf"(?<![\w-])(?:{pattern})"


@cache
def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
