"""Search the files of a submitted connector: the README, the origin and license of its recordings, people, secrets."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conn_engine.analysis.submissions.demands import find_demands
from conn_engine.analysis.submissions.verdict import RuleVerdict, StageResult, SubmissionProblem, judge_rule
from conn_engine.config import Effective, load_workspace
from conn_engine.config.host_patterns import host_pattern
from conn_engine.diagnostics import pluralize
from conn_engine.documents import parse
from conn_engine.documents.files import read_text
from conn_engine.errors import ConnError
from conn_engine.personal import (
    HOW_TO_INVENT,
    PersonalValues,
    collect,
    collect_exchanges,
    collect_recording,
    collect_text,
    is_invented,
)
from conn_engine.recordings.files import MAX_BYTES, Recording, load_recording
from conn_engine.secrets.wary_redaction import WaryRedactor
from conn_engine.webhooks.recorded import RecordedDelivery, load_delivery

__all__ = ["search_contents"]

LICENSES = frozenset({
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC-BY-3.0", "CC-BY-4.0", "CC0-1.0", "ISC", "MIT", "MIT-0",
    "MPL-2.0", "Unlicense",
})  # fmt: skip
"""SPDX identifiers of the licenses under which examples may be passed on."""
_SECTIONS = (
    ("credentials", re.compile(r"(?im)^#{2,3}\s.*(?:credential|connect|account|log ?in)")),
    ("pitfalls", re.compile(r"(?im)^#{2,3}\s.*pitfall")),
)
_WEBHOOKS = ("webhooks", re.compile(r"(?im)^#{2,3}\s.*webhook"))
_FEWEST_LINES = 10
_SENT_CREDENTIALS = re.compile(r"(?i)authorization|proxy-authorization|cookie|set-cookie|x-api-(?:key|token)")
_MOST_NAMES = 50


def search_contents(root: Path, name: str) -> StageResult:
    """Judge the rules about the content of the files, and find what the connector asks for."""
    return _Search(root, name).run()


class _Search:
    def __init__(self, root: Path, name: str) -> None:
        self._folder = root / "connectors" / name
        self._name = name
        self._people: dict[str, None] = {}
        self._problems: dict[str, list[SubmissionProblem]] = {
            rule: [] for rule in ("readme", "recordings", "personal_data", "secrets")
        }
        self._unlicensed: list[str] = []
        self._counts = {"recording": 0, "delivery": 0}
        self._effective = self._load(root)
        data = self._effective.data if self._effective is not None else {}
        self._license = data.get("license")
        self._has_webhooks = "webhooks" in data
        self._demands = find_demands(self._effective) if self._effective is not None else None
        documented = host_pattern(str(data.get("docs_url") or ""))
        self._hosts = [*(self._demands.hosts if self._demands else ()), *([documented] if documented else ())]

    def _load(self, root: Path) -> Effective | None:
        try:
            return load_workspace(root).effective(account=None, connector=self._name)
        except ConnError as error:  # the rule `documents` has the findings
            self._add("recordings", "connector.yaml", error.message, error.hint or "correct connector.yaml: conn lint")
            return None

    def run(self) -> StageResult:
        """Search every file once."""
        self._check_readme()
        for path in sorted(path for path in self._folder.rglob("*") if path.is_file()):
            file = path.relative_to(self._folder).as_posix()
            try:
                self._search(path, file)
            except (ConnError, RecursionError) as error:
                reason = error.message if isinstance(error, ConnError) else "it is nested too deeply"
                self._add("recordings", file, reason, getattr(error, "hint", "") or "correct the file: conn lint")
        if self._unlicensed:
            verb = "does" if len(self._unlicensed) == 1 else "do"
            message = f"{pluralize(len(self._unlicensed), 'file')} {verb} not state a license: {self._unlicensed[0]}"
            fix = "state that of the folder in connector.yaml (`license: MIT`), or that of each recording"
            self._add("recordings", "connector.yaml", message, fix)
        details = {
            "readme": "README.md",
            "recordings": f"{pluralize(self._counts['recording'], 'recording')}, "
            f"{self._counts['delivery']} webhook {'delivery' if self._counts['delivery'] == 1 else 'deliveries'}",
            "personal_data": "email addresses, phone numbers and bank accounts",
            "secrets": "all files",
        }
        rules: list[RuleVerdict] = [judge_rule(rule, details[rule], found) for rule, found in self._problems.items()]  # type: ignore[arg-type]
        people = list(self._people)[:_MOST_NAMES]
        return StageResult(rules=rules, people=people, **({"demands": self._demands} if self._demands else {}))

    def _add(self, rule: str, file: str, message: str, fix: str, line: int = 0) -> None:
        self._problems[rule].append(SubmissionProblem(file=file, line=line, message=message, fix=fix))

    def _check_readme(self) -> None:
        text = read_text(self._folder / "README.md", "README.md")
        if len(text.splitlines()) <= _FEWEST_LINES:
            self._add("readme", "README.md", "it is too short", "describe how to connect an account, and the pitfalls")
        for what, heading in (*_SECTIONS, *([_WEBHOOKS] if self._has_webhooks else ())):
            if not heading.search(text):
                self._add(
                    "readme", "README.md", f"it has no section about {what}", f'add one: "## {what.capitalize()}"'
                )

    def _search(self, path: Path, file: str) -> None:
        text = read_text(path, file, limit=MAX_BYTES)
        values = PersonalValues()
        kind = file.partition("/")[0]
        if kind == "recordings":
            recording = load_recording(path, file)
            self._check_recording(recording, file)
            collect_recording(recording, values)
            collect_text(recording.note, values)
        elif kind == "deliveries":
            delivery = load_delivery(path, file)
            self._check_delivery(delivery, file)
            text = _without_generated(text, delivery)
            collect_exchanges(delivery.exchanges, values)
            for part in (delivery.note, delivery.body or ""):
                collect_text(part, values)
        elif file.endswith(".json") and kind != "schemas":
            collect(parse(text, file, max_bytes=MAX_BYTES).data, values)
        elif file != "README.md":  # which may name an address of the vendor
            collect_text(text, values)
        self._check_people(values, file, text)
        for label in WaryRedactor().find(text):
            fix = "revoke it, and replace it with [redacted] or {{env.NAME}}"
            self._add("secrets", file, f"it contains {label}", fix)

    def _check_people(self, values: PersonalValues, file: str, text: str) -> None:
        for kind, value in values.found.values():
            if kind == "name" and file.startswith(("recordings/", "deliveries/")):
                self._people[value] = None
            if not is_invented(kind, value, self._hosts):
                noun = {"email": "email address", "phone": "phone number", "iban": "bank account"}[kind]
                message = f"the {noun} {_abbreviate(value)} may belong to somebody"
                self._add("personal_data", file, message, f"invent one: {HOW_TO_INVENT[kind]}", _find_line(text, value))

    def _check_recording(self, recording: Recording, file: str) -> None:
        self._counts["recording"] += 1
        if recording.connector != self._name:
            message = f'it is of the connector "{recording.connector}"'
            self._add("recordings", file, message, f"set `connector: {self._name}`")
        if not file.startswith(f"recordings/{recording.operation}."):
            message = f"its name is not that of its operation, {recording.operation}"
            self._add("recordings", file, message, f"rename it to {recording.operation}.SCENARIO.json")
        self._check_origin(recording, file, recording.license or self._license)
        for exchange in recording.exchanges:
            for header in (*exchange.request.headers, *exchange.response.headers):
                if _SENT_CREDENTIALS.fullmatch(header):
                    self._add("secrets", file, f"it has the header {header}", "remove the header from the recording")

    def _check_delivery(self, delivery: RecordedDelivery, file: str) -> None:
        self._counts["delivery"] += 1
        self._check_origin(delivery, file, self._license)
        if delivery.verified_by is not None:
            message = "its signature cannot be verified again"
            self._add("recordings", file, message, "let Conn sign it: conn webhook record --contract")

    def _check_origin(self, recorded: Recording | RecordedDelivery, file: str, license_name: Any) -> None:
        if recorded.source != "live" and not recorded.note.strip():
            fix = "write into `note` from which contract or page it was made"
            self._add("recordings", file, "it does not state where it comes from", fix)
        if not isinstance(license_name, str):
            self._unlicensed.append(file)
        elif license_name not in LICENSES:
            fix = f"replace the content with invented data, or use one of: {', '.join(sorted(LICENSES))}"
            message = f"its license, {_abbreviate(license_name)}, is not known to allow passing it on"
            self._add("recordings", file, message, fix)


def _without_generated(text: str, delivery: RecordedDelivery) -> str:
    """Return the text of a delivery without the keys that were generated for it, and without its headers, which are
    signed with them."""
    generated = [value for _, value in _iterate_texts(delivery.secrets)] + [value for _, value in delivery.headers]
    for value in sorted(generated, key=len, reverse=True):
        text = text.replace(value, "") if len(value) > 3 else text
    return text


def _iterate_texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _iterate_texts(item, str(name))
    elif isinstance(value, list):
        for item in value:
            yield from _iterate_texts(item, key)


def _find_line(text: str, value: str) -> int:
    position = text.find(value)
    return text.count("\n", 0, position) + 1 if position >= 0 else 0


def _abbreviate(text: str) -> str:
    """Return the start of a value that somebody else wrote, without characters that control a terminal."""
    plain = "".join(character if character.isprintable() else "?" for character in text)
    return plain if len(plain) <= 60 else f"{plain[:60]}…"
