"""Runs manifests under both readers and reports the result of every stream."""

import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.parse import urlsplit

from conn_engine.errors import ConnError
from differential.compare import compare, shape, unset
from differential.engine_side import Ours, Run
from differential.explain import Evidence, Refusal, explained
from differential.peer_process import Peer, PeerFault

__all__ = ["Outcome", "outcomes", "prepared", "refusal_of", "run"]

PAGE = 3
WORKERS = 2
CODE = "code: "
_FIELD = re.compile(r"the field ([^.:]+): ")
_SET = ("accept", "content-type", "user-agent")
REFUSALS = (
    Refusal(400, 0),
    Refusal(401, 0),
    Refusal(403, 0),
    Refusal(404, 0),
    Refusal(429, 1),
    Refusal(500, 2),
    Refusal(500, 0),
    Refusal(503, 1),
)


@dataclass
class Outcome:
    """One stream, read in one phase: `first` without a state, `again` with the state of the first, `refused` without
    one where a request is answered with an error. Without a stream: a manifest, of which something is left out as a
    whole, or which has streams that are made of an answer (`dynamic`).

    `status`: agrees, explained (by `reasons`), differs, custom (needs the vendor's Python code: `reasons` are the
    classes, with what each is for), unreadable (the kit itself stops, as we do after the same requests, at what the
    server makes up) or unread (the comparison could not be made). `detail` says of these, and of what differs, why.
    `left` is what the importer says that it left out. `pages` is how many the stream's longest listing had.
    """

    manifest: str
    stream: str
    phase: str
    status: str
    reasons: list[str] = field(default_factory=list)
    requests: int = 0
    records: int = 0
    pages: int = 0
    detail: str = ""
    left: list[str] = field(default_factory=list)


def refusal_of(manifest: str, stream: str) -> Refusal:
    """How the one request of a stream's third reading is refused."""
    return REFUSALS[_draw(manifest, stream) % len(REFUSALS)]


def _draw(manifest: str, stream: str) -> int:
    """A number that is the same in every run."""
    return zlib.crc32(f"{manifest}:{stream}".encode())


def prepared(text: str) -> str:
    """A manifest with small pages: two or three of them are then a handful of records."""
    many = r"^( *)page_size: [\"']?(?:[4-9]|\d{2,})[\"']?$"
    return re.sub(many, rf"\g<1>page_size: {PAGE}", text, flags=re.MULTILINE)


def outcomes(peer: Peer, manifest: Path, folder: Path, only: str = "") -> Iterator[Outcome]:
    """Every stream of a manifest under both readers. `folder` is scratch; `only` one stream."""
    text = prepared(manifest.read_text(encoding="utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / manifest.name
    path.write_text(text, encoding="utf-8")
    opened = peer.ask("open", path=str(path))
    ours = Ours(path, folder / "workspace", opened["port"])
    left, code = _losses(ours)
    course = _Course(peer, path, ours, text, opened["config"], left)
    beyond = [what for stream, found in left.items() if stream not in opened["streams"] for what in found]
    if not only and (beyond or opened["dynamic"]):
        status = "dynamic" if opened["dynamic"] else "manifest"
        yield Outcome(manifest.stem, "", "", status, left=list(dict.fromkeys(beyond)))
    for stream, needs in opened["streams"].items():
        if only and stream != only:
            continue
        if needs:
            classes = [f"{name}: {code.get(name, _UNTOLD)}" for name in needs]
            yield Outcome(manifest.stem, stream, "first", "custom", classes, left=left.get(stream, []))
            continue
        for outcome in course.stream(stream):
            outcome.left = left.get(stream, [])
            yield outcome


_UNTOLD = "nothing: it stands where the kit does not look"


def _losses(ours: Ours) -> tuple[dict[str, list[str]], dict[str, str]]:
    """What the importer left out, by stream; and what each class of code was for."""
    left: dict[str, list[str]] = {}
    code: dict[str, str] = {}
    for what, places in ours.imported.losses:
        for place in places or [""]:
            stream, _, name = place.partition(" (")
            left.setdefault(stream, []).append(what)
            if what.startswith(CODE):
                code[name.rstrip(")")] = what.removeprefix(CODE)
    return left, code


@dataclass
class _Course:
    """One manifest, ready on both sides."""

    peer: Peer
    path: Path
    ours: Ours
    text: str
    config: Mapping[str, Any]
    left: Mapping[str, list[str]]
    untold: bool = False

    def stream(self, name: str) -> Iterator[Outcome]:
        """The first reading; where it leaves a state on both sides another one with that."""
        before: Evidence | None = None
        for phase in ("first", "again"):
            try:
                if phase == "first":
                    served = self.peer.ask("serve", stream=name)
                    self.untold = served["windows"] and not served["told"]
                outcome, before = self._phase(name, phase, before)
            except PeerFault as fault:
                yield Outcome(self.path.stem, name, phase, "unread", detail=str(fault))
                self.ours.port = self.peer.ask("open", path=str(self.path))["port"]
                return
            yield outcome
            if phase == "first" and outcome.status in ("agrees", "explained"):
                yield from self._refused(name, before)
            if before.cdk_state is None or before.our_state is None:
                return

    def _refused(self, name: str, first: Evidence) -> Iterator[Outcome]:
        """The first reading again, of which one request is refused: which, and how, follows from the name."""
        theirs, mine = (
            {(one.base, one.window, one.page) for one in side if one.own} for side in (first.cdk, first.ours)
        )
        both = sorted(theirs & mine, key=repr)
        if not both or first.cdk_failed:
            return
        refusal, request = refusal_of(self.path.stem, name), both[_draw(self.path.stem, name) // 97 % len(both)]
        self.peer.ask("refuse", status=refusal.status, request=request, times=refusal.times)
        outcome, _ = self._phase(name, "refused", None, refusal)
        yield outcome
        self.peer.ask("refuse", status=0, request=["", [None, None], 0], times=1)

    def _phase(
        self, name: str, phase: str, before: Evidence | None, refusal: Refusal | None = None
    ) -> tuple[Outcome, Evidence]:
        failing = refusal is not None
        read = self.peer.ask("read", stream=name, state=before.cdk_state if before else None, retries=failing)
        self.peer.ask("forget")
        self.ours.trust(self._hosts(read["requests"]))
        run = self.ours.read(name, self.config, before.our_state if before else None, wait=failing)
        asked = self.peer.ask("asked")
        evidence = self._evidence(name, read, asked, run)
        evidence.before, evidence.refusal = before, refusal
        detail = _detail(evidence)
        stops = bool(evidence.cdk_error and evidence.our_error)
        if stops and failing:  # as it should be
            evidence.cdk_error = evidence.our_error = ""
        reasons = explained(evidence)
        status = "differs" if evidence.left else "explained" if reasons else "agrees"
        if status == "differs" and stops and not evidence.difference:
            status = "unreadable"
        detail = "" if status == "agrees" else _detail(evidence) if status in ("differs", "unreadable") else detail
        outcome = Outcome(self.path.stem, name, phase, status, reasons, len(read["requests"]), len(read["records"]))
        outcome.detail = detail
        outcome.pages = max((one.page + 1 for one in evidence.ours if one.own and one.count), default=0)
        return outcome, evidence

    def _evidence(self, stream: str, read: Mapping[str, Any], asked: Mapping[str, Any], run: Run) -> Evidence:
        named = frozenset(name for name in _SET if re.search(rf"(?im)^\s*[\"']?{name}[\"']?:", self.text))
        cdk, ours = (read["requests"], read["records"]), (asked["requests"], run.records)
        listings = sum(one["kind"] in ("records", "job") and one["page"] == 0 for one in read["requests"])
        free = unset(cdk[0])
        return Evidence(
            cdk=[shape(one, named, free) for one in cdk[0]],
            ours=[shape(one, named, free) for one in ours[0]],
            cdk_records=read["records"],
            our_records=run.records,
            cdk_error=read["error"],
            our_error=run.error,
            cdk_state=read["state"],
            our_state=run.state,
            untold=self.untold,
            left_out=frozenset(found[1] for what in self.left.get(stream, ()) if (found := _FIELD.match(what))),
            difference=compare(cdk, ours, named, ordered=listings == 1),
        )

    def _hosts(self, requests: list[Mapping[str, Any]]) -> set[str]:
        """The hosts that settings of the account name, whole or in part."""
        hosts = {urlsplit(one["url"]).netloc.lower() for one in requests}
        named = {urlsplit(value).netloc.lower() for value in _texts(self.config) if value.startswith("http")}
        return {host for host in named if host} | {
            host for host in hosts if any(_names(value.lower(), host) for value in _texts(self.config))
        }


def _texts(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    for inner in data.values() if isinstance(data, Mapping) else data if isinstance(data, list) else ():
        yield from _texts(inner)


def _names(value: str, host: str) -> bool:
    """Whether a setting is (part of) a host's name, or a URL on it."""
    labels = host.split(".")
    return (
        value in labels or f"//{host}" in value or (len(value) > 1 and (host.startswith(value) or host.endswith(value)))
    )


def _detail(evidence: Evidence) -> str:
    """A difference for people: the first few of each kind."""
    found = evidence.difference
    lines = [f"requests {len(evidence.cdk)} / {len(evidence.ours)}, records "]
    lines[0] += f"{len(evidence.cdk_records)} / {len(evidence.our_records)} (CDK / ours)"
    lines += [f"CDK stops: {evidence.cdk_error[:300]}"] if evidence.cdk_error else []
    lines += [f"we stop:   {evidence.our_error[:300]}"] if evidence.our_error else []
    for one, other in zip([*found.only_cdk[:3], None], [*found.only_ours[:3], None], strict=False):
        lines += [f"only CDK:  {one}"[:700]] if one else []
        lines += [f"only ours: {other}"[:700]] if other else []
    lines += [f"only CDK:  {one}"[:700] for one in found.only_cdk[:3][len(found.only_ours[:3]) :]]
    if found.records_cdk or found.records_ours:
        first, second = (found.records_cdk or [{}])[0], (found.records_ours or [{}])[0]
        if isinstance(first, dict) and isinstance(second, dict):
            apart = [key for key in {**first, **second} if first.get(key, _NONE) != second.get(key, _NONE)]
            first, second = ({key: one[key] for key in apart if key in one} for one in (first, second))
        lines.append(f"record of the CDK: {json.dumps(first, ensure_ascii=False)[:400]}")
        lines.append(f"record of ours:    {json.dumps(second, ensure_ascii=False)[:400]}")
    lines += ["records in another order"] if found.order else []
    return "\n".join(lines)


_NONE = object()


def run(
    manifests: Sequence[tuple[Path, str]],
    scratch: Path,
    tell: Callable[[Outcome], None] = lambda _: None,
    keep: Callable[[list[Outcome]], None] = lambda _: None,
) -> list[Outcome]:
    """Every manifest (with one stream of it, or "" for all) under both readers, in their order.

    Two at a time: while the CDK reads one stream, we read another. `tell` hears of each stream as it is done, `keep` of
    each manifest.
    """
    peers: Queue[Peer] = Queue()
    for _ in range(WORKERS):
        peers.put(Peer())

    def one(chosen: tuple[Path, str]) -> list[Outcome]:
        path, stream = chosen
        peer, found = peers.get(), []
        try:
            for outcome in outcomes(peer, path, scratch / path.stem, stream):
                found.append(outcome)
                tell(outcome)
        except (ConnError, PeerFault) as error:
            found.append(Outcome(path.stem, "*", "first", "unread", detail=f"{type(error).__name__}: {error}"))
            tell(found[-1])
        finally:
            peers.put(peer)
        keep(found)
        return found

    try:
        with ThreadPoolExecutor(WORKERS) as pool:
            return [outcome for found in pool.map(one, manifests) for outcome in found]
    finally:
        while not peers.empty():
            peers.get().close()
