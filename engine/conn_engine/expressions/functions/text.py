"""Text: likeness, forms for names and addresses, shortening. Encodings are in `encoding`, formats in their own
files."""

import re
from typing import Any

from conn_engine.expressions.functions.rows import Function, FunctionFault, check_length, import_later

__all__ = ["ROWS"]

_OFFICE = "application/vnd.openxmlformats-officedocument"
_ALIKE = {
    "application": "gzip json pdf rtf sql wasm xml yaml zip",
    "audio": "aac flac midi wav",
    "font": "otf ttf woff woff2",
    "image": "avif bmp gif heic png tiff webp",
    "text": "calendar css csv html markdown",
    "video": "mp4 mpeg webm",
}
_MIME_TYPES = {sub: f"{top}/{sub}" for top, subs in _ALIKE.items() for sub in subs.split()} | {
    "7z": "application/x-7z-compressed",
    "bin": "application/octet-stream",
    "doc": "application/msword",
    "docx": f"{_OFFICE}.wordprocessingml.document",
    "eml": "message/rfc822",
    "epub": "application/epub+zip",
    "gz": "application/gzip",
    "htm": "text/html",
    "ico": "image/vnd.microsoft.icon",
    "ics": "text/calendar",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "js": "text/javascript",
    "jsonl": "application/jsonl",
    "log": "text/plain",
    "m4a": "audio/mp4",
    "md": "text/markdown",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "msg": "application/vnd.ms-outlook",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "ogg": "audio/ogg",
    "pem": "application/x-pem-file",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": f"{_OFFICE}.presentationml.presentation",
    "rar": "application/vnd.rar",
    "svg": "image/svg+xml",
    "tar": "application/x-tar",
    "tif": "image/tiff",
    "tsv": "text/tab-separated-values",
    "txt": "text/plain",
    "vcf": "text/vcard",
    "xls": "application/vnd.ms-excel",
    "xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    "yml": "application/yaml",
}
"""The registered types of common files: the machine's own table would differ from machine to machine."""

_LONGEST_COMPARED = 20_000
_MOST_COMPARED = 2_000_000
_MOST_CELLS = 4_000_000
_SEPARATORS = r"[^0-9a-z]+"
_WORD = r"[^\W_]+(?:['’][^\W_]+)*"
# Letters that Unicode does not take apart into a letter and an accent.
_WHOLE = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D"}
)


def _pairs(text: str) -> dict[str, int]:
    plain = "".join(check_length(text, "text to compare", _LONGEST_COMPARED).lower().split())
    counts: dict[str, int] = {}
    for index in range(len(plain) - 1):
        pair = plain[index : index + 2]
        counts[pair] = counts.get(pair, 0) + 1
    return counts


def _dice_of(first: str, second: str) -> float:
    if "".join(first.lower().split()) == "".join(second.lower().split()):
        return 1
    pairs, other_pairs = _pairs(first), _pairs(second)
    total = sum(pairs.values()) + sum(other_pairs.values())
    shared = sum(min(count, other_pairs.get(pair, 0)) for pair, count in pairs.items())
    return 2 * shared / total if total else 0


def _dice(first: str | None, second: str | None) -> float | None:
    return None if first is None or second is None else _dice_of(first, second)


def _most_similar(text: str | None, choices: Any, threshold: float | None = None) -> str | None:
    if text is None:
        return None
    candidates = [choice for choice in (choices or []) if isinstance(choice, str)]
    if sum(map(len, candidates)) + len(candidates) * len(text) > _MOST_COMPARED:
        raise FunctionFault("the strings to compare are too many or too long", "U1001")
    scored = [(_dice_of(text, choice), choice) for choice in candidates]
    best = max(scored, key=lambda pair: pair[0], default=(0.0, None))
    return best[1] if best[0] >= (0.8 if threshold is None else threshold) else None


def _levenshtein(first: str | None, second: str | None) -> int | None:
    if first is None or second is None:
        return None
    if len(first) * len(second) > _MOST_CELLS:
        raise FunctionFault("the strings are too long for $levenshtein", "U1001")
    above = list(range(len(second) + 1))
    for row, letter in enumerate(first, 1):
        line = [row]
        for column, right in enumerate(second, 1):
            line.append(min(above[column] + 1, line[-1] + 1, above[column - 1] + (letter != right)))
        above = line
    return above[-1]


def _strip_accents(text: str | None) -> str | None:
    if text is None:
        return None
    import unicodedata

    apart = unicodedata.normalize("NFD", text.translate(_WHOLE))
    return unicodedata.normalize("NFC", "".join(mark for mark in apart if not unicodedata.combining(mark)))


def _normalize(text: str | None, form: str | None = None) -> str | None:
    if text is None:
        return None
    import unicodedata

    match (form or "NFC").upper():
        case "NFC" | "NFD" | "NFKC" | "NFKD" as known:
            return unicodedata.normalize(known, check_length(text, "the argument of $normalize", 10_000))
    raise FunctionFault(f'unknown normalization form "{str(form)[:20]}": use NFC, NFD, NFKC or NFKD')


def _slug(text: str | None, separator: str | None = None) -> str | None:
    plain = _strip_accents(text)
    if plain is None:
        return None
    return re.sub(_SEPARATORS, " ", plain.lower()).strip().replace(" ", "-" if separator is None else separator)


def _title(text: str | None) -> str | None:
    if text is None:
        return None
    return re.sub(_WORD, lambda word: word.group()[:1].upper() + word.group()[1:].lower(), text)


def _truncate(text: str | None, length: Any, ending: str | None = None) -> str | None:
    if text is None or length is None:
        return text
    end = "…" if ending is None else ending
    if len(text) <= length:
        return text
    return (text[: max(int(length) - len(end), 0)] + end)[: max(int(length), 0)]


def _phone(text: str | None) -> str | None:
    if text is None:
        return None
    digits = "".join(mark for mark in text if mark in "0123456789")
    start = text.strip()
    if digits and start.startswith("+"):
        return f"+{digits}"
    return f"+{digits[2:]}" if digits.startswith("00") and len(digits) > 4 else digits


def _email(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    before_address, _, rest = check_length(text, "an e-mail address", 1000).strip().rpartition("<")
    address = rest.rstrip(">").strip()
    local, separator, domain = address.rpartition("@")
    if not separator or not local or not domain or any(mark.isspace() for mark in address):
        raise FunctionFault(f"{text[:60]!r} is not an email address")
    name = before_address.strip().strip('"').strip()
    parts = {"address": f"{local}@{domain.lower()}", "local": local, "domain": domain.lower()}
    return {**parts, **({"name": name} if name else {})}


def _wrap(value: Any, start: str | None = None, end: str | None = None) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str | int | float):
        raise FunctionFault("$wrap takes text or a number")
    inner = str(value).lower() if isinstance(value, bool) else str(value)
    return f"{start or ''}{inner}{end or start or ''}"


def _mime_type(name: str | None) -> str | None:
    if name is None:
        return None
    return _MIME_TYPES.get(name.rpartition("/")[2].rpartition(".")[2].lower())


ROWS: tuple[Function, ...] = (
    Function(
        "diceCoefficient",
        _dice,
        "<ss:n>",
        "Compute how similar two strings are, from 0 to 1, by their pairs of letters. Ignores case.",
        "$diceCoefficient('night', 'nacht')",
        0.25,
    ),
    Function(
        "mostSimilar",
        _most_similar,
        "<sa<s>n?:s>",
        "Return the choice that is most similar to the text (as $diceCoefficient), if it reaches the threshold (0.8).",
        "$mostSimilar('appl', ['apple', 'apricot', 'banana'])",
        "apple",
    ),
    Function(
        "levenshtein",
        _levenshtein,
        "<ss:n>",
        "Count the letters to insert, delete or replace to turn one string into the other.",
        "$levenshtein('kitten', 'sitting')",
        3,
    ),
    Function(
        "stripAccents",
        _strip_accents,
        "<s-:s>",
        "Replace accented letters with plain ones.",
        "$stripAccents('Crème brûlée, Łódź')",
        "Creme brulee, Lodz",
    ),
    Function(
        "normalize",
        _normalize,
        "<s-s?:s>",
        "Convert text to a Unicode normalization form: NFC (default), NFD, NFKC or NFKD.",
        "$normalize('ﬁ', 'NFKD')",
        "fi",
    ),
    Function(
        "slug",
        _slug,
        "<s-s?:s>",
        "Convert text to lowercase plain letters and digits, with - (or another separator) between words.",
        "$slug('Crème Brûlée: 2nd ed.')",
        "creme-brulee-2nd-ed",
    ),
    Function(
        "titleCase",
        _title,
        "<s-:s>",
        "Capitalize the first letter of each word and lowercase the others.",
        '$titleCase("ADA o\'neil-smith")',
        "Ada O'neil-Smith",
    ),
    Function(
        "truncate",
        _truncate,
        "<s-ns?:s>",
        "Shorten text to at most N characters, with … (or another ending) at the end.",
        "$truncate('connector', 5)",
        "conn…",
    ),
    Function(
        "recursiveCharacterTextSplitter",
        import_later("text_chunks", "split_text"),
        "<s-o?:a>",
        "Split text into chunks at paragraphs, lines or words: {'chunkSize': 200, 'chunkOverlap': 60} characters.",
        "$recursiveCharacterTextSplitter('one two three four', {'chunkSize': 10, 'chunkOverlap': 4})",
        ["one two", "two three", "four"],
    ),
    Function(
        "phoneDigits",
        _phone,
        "<s-:s>",
        "Return the digits of a phone number, with a leading + if it has one (or 00).",
        "$phoneDigits('+49 (30) 1234-56')",
        "+4930123456",
    ),
    Function(
        "emailParts",
        _email,
        "<s-:o>",
        "Split an email address into the address, its local part, its domain, and the name before it.",
        "$emailParts('Ada L. <ada@Example.com>')",
        {"address": "ada@example.com", "local": "ada", "domain": "example.com", "name": "Ada L."},
    ),
    Function(
        "wrap",
        _wrap,
        "<xs?s?:s>",
        "Put a value between a start and an end. Without an end, the start is used for both.",
        "$wrap('c', '<d>', '</d>')",
        "<d>c</d>",
    ),
    Function(
        "getMimeType",
        _mime_type,
        "<s-:s>",
        "Return the media type for a file name or extension.",
        "$getMimeType('a/b/report.pdf')",
        "application/pdf",
    ),
)
