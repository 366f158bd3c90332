"""Why two readings differ where that is right. Each reason recognizes one cause and takes away just what it causes;
a difference that is left over is a fault.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from differential.compare import Difference, Shape, canonical

__all__ = ["REASONS", "Evidence", "explained"]


@dataclass(frozen=True)
class Refusal:
    """That one request of a reading is answered with a status: `times` times, or (0) always."""

    status: int
    times: int


@dataclass
class Evidence:
    """One stream read twice: what each side sent, gave and said, and the difference that is left to explain.

    The states are those after the reading; `before` is the first reading, where this is the second. `untold`: the
    stream has windows of time, but its requests do not say which; `left_out` are the fields of its records that the
    import says it cannot make.
    """

    cdk: Sequence[Shape]
    ours: Sequence[Shape]
    cdk_records: Sequence[Any]
    our_records: Sequence[Any]
    cdk_error: str
    our_error: str
    difference: Difference
    cdk_state: Any = None
    our_state: Any = None
    before: "Evidence | None" = None
    untold: bool = False
    refusal: Refusal | None = None
    left_out: frozenset[str] = frozenset()
    cdk_failed: bool = False

    def __post_init__(self) -> None:
        self.cdk_failed = bool(self.cdk_error)

    @property
    def left(self) -> bool:
        """Whether something is unexplained."""
        return bool(self.difference or self.cdk_error or self.our_error)


MOST_RENEWALS = 2
"""Requests of ours for a credential that was refused: for a new one, and with that."""
Window = tuple[float | None, float | None]
Reason = Callable[[Evidence], bool]
"""Takes away from the evidence what the reason explains; says whether that was anything."""


def logs_in_again(evidence: Evidence) -> bool:
    """The CDK asks for a token for each level of parents, and for a session without expiry with (nearly) every request;
    we keep one until it is refused."""
    sent = {_unscoped(one) for one in evidence.ours}
    return _drop_cdk(evidence, lambda one: one.kind in ("login", "token") and _unscoped(one) in sent)


def checks_a_session(evidence: Evidence) -> bool:
    """The CDK asks before a request whether its session is still good; we use the session until it is refused."""
    return _drop_cdk(evidence, lambda one: one.kind == "check")


def scopes_of_a_refresh(evidence: Evidence) -> bool:
    """The CDK sends OAuth scopes as repeated `scopes` fields, which is no parameter of OAuth; we send none in a
    refresh."""
    theirs = [one for one in evidence.difference.only_cdk if one.kind == "token" and "scopes=" in one.body]
    return _pair(evidence, [(one, _unscoped(one)) for one in theirs])


def asks_forever(evidence: Evidence) -> bool:
    """The manifest does not say where the page's token goes: the CDK asks for the same page without end; we stop at the
    first page that repeats."""
    mine = Counter(evidence.ours)
    endless = [one for one, count in Counter(evidence.cdk).items() if count >= 20 and mine[one] == 1]
    stopped = not evidence.our_error or re.search(r"has the same|comes? again|repeat", evidence.our_error)
    if "418 Client Error" not in evidence.cdk_error or not endless or not stopped:
        return False
    if len(evidence.our_records) == sum(one.count for one in evidence.ours if one.own):
        evidence.difference.records_ours = []  # the CDK had not come to these
    if not _repeats(evidence):
        return False
    evidence.cdk_error = evidence.our_error = ""
    evidence.difference = Difference()
    return True


def goes_on_after_a_repeated_page(evidence: Evidence) -> bool:
    """The manifest reads the next page from the wrong place, and comes to one that it had: the CDK asks for it again
    and gives its records twice; we stop and say so."""
    found, asked = evidence.difference, Counter(evidence.cdk)
    if not re.search(r"was there before|has the same|comes? again|repeat", evidence.our_error) or evidence.cdk_error:
        return False
    unread = next((one.count for one in reversed(evidence.ours) if one.own), 0)
    more = sum(one.count for one in found.only_cdk) + unread
    if found.only_ours or found.records_ours or len(found.records_cdk) > more:
        return False
    if not found.only_cdk or any(asked[one] < 2 for one in found.only_cdk):
        return False
    evidence.our_error, evidence.difference = "", Difference()
    return True


def ends_at_a_refused_credential(evidence: Evidence) -> bool:
    """A credential is refused: the CDK tries it with the stream's other parts all the same; we renew it where that is
    possible, ask once more with the new one, and end."""
    found, refusal = evidence.difference, evidence.refusal
    if refusal is None or (refusal.status, refusal.times) != (401, 0) or found.records_ours:
        return False
    if evidence.our_error or evidence.cdk_error or not evidence.cdk_failed:
        return False
    sent = {replace(one, headers=()) for one in evidence.cdk}
    renewals = [one for one in found.only_ours if one.kind == "token" or replace(one, headers=()) in sent]
    if len(renewals) < len(found.only_ours) or len(renewals) > MOST_RENEWALS:
        return False
    changed = bool(found)
    evidence.difference = Difference()
    return changed


def same_request_for_each_window(evidence: Evidence) -> bool:
    """The stream has windows of time which no request tells: the CDK asks for the same once per window and gives each
    record as often; we ask once."""
    if not evidence.untold or not evidence.difference.only_cdk or not _repeats(evidence):
        return False
    evidence.difference = Difference()
    return True


def refreshes_without_a_token(evidence: Evidence) -> bool:
    """The manifest writes an empty refresh token, or looks for it where no account has one: the CDK asks with the empty
    text, which no vendor grants; we ask with the account's, or say that the credential has no token."""
    asked = [one for one in evidence.cdk if one.kind == "token" and re.search(r"refresh_token=(&|$)", one.body)]
    mine = [one for one in evidence.difference.only_ours if one.kind == "token"]
    if asked and _pair(evidence, [(one, own) for one in asked for own in mine if _spent(one) == _spent(own)]):
        return True
    if not asked or evidence.ours or "credential has no token" not in evidence.our_error:
        return False
    evidence.our_error, evidence.difference = "", Difference()
    return True


def field_left_out(evidence: Evidence) -> bool:
    """A field of the records is made by what has no counterpart, such as a digest of what Python prints for an object:
    the import lists it, and the records are the same but for it."""
    found = evidence.difference

    def bare(record: Any) -> str:
        return canonical({name: value for name, value in dict(record).items() if name not in evidence.left_out})

    theirs, mine = (Counter(map(bare, side)) for side in (found.records_cdk, found.records_ours))
    if not evidence.left_out or not theirs or theirs != mine:
        return False
    found.records_cdk = found.records_ours = []
    return True


def parents_of_a_product(evidence: Evidence) -> bool:
    """With several parents the CDK keeps no state of theirs and begins them at the children's moment, so that changes
    between both are lost; we keep each."""
    found, first = evidence.difference, evidence.before
    if first is None or "parents" not in str(first.our_state) or "parent_state" in str(first.cdk_state):
        return False
    if found.records_cdk or any(one.own for one in found.only_cdk):
        return False
    if not _had(first, found.only_ours, found.records_ours) or not _later(found.only_cdk, evidence.ours):
        return False
    evidence.difference = Difference()
    return True


def says_none(evidence: Evidence) -> bool:
    """The CDK sends the word None where a template has no value; we leave the parameter out."""

    def bare(one: Shape) -> Shape:
        return replace(one, query=tuple(pair for pair in one.query if pair[1] != "None"))

    theirs = [one for one in evidence.difference.only_cdk if any(value == "None" for _, value in one.query)]
    return _pair(evidence, [(one, bare(one)) for one in theirs])


def sends_nameless(evidence: Evidence) -> bool:
    """The manifest gives the page size an empty name: the CDK sends a parameter without a name, we send none."""

    def bare(one: Shape) -> Shape:
        return replace(one, query=tuple(pair for pair in one.query if pair[0]))

    theirs = [one for one in evidence.difference.only_cdk if any(not name for name, _ in one.query)]
    return _pair(evidence, [(one, bare(one)) for one in theirs])


def sends_template(evidence: Evidence) -> bool:
    """Where a template of the token fails, the CDK sends the template's own text as token and gets a page again; we are
    at the end."""
    theirs = [one for one in evidence.difference.only_cdk if "{{" in str(one)]
    if not theirs or evidence.difference.records_ours:
        return False
    if len(theirs) > 20 and "418 Client Error" in evidence.cdk_error:
        evidence.cdk_error = ""  # it would never have come to an end
    known = {canonical(record) for record in evidence.our_records}
    evidence.difference.only_cdk = [one for one in evidence.difference.only_cdk if one not in theirs]
    left = [record for record in evidence.difference.records_cdk if canonical(record) not in known]
    evidence.difference.records_cdk = left
    return True


def fails_on_a_missing_field(evidence: Evidence) -> bool:
    """A template reads a field that an answer lacks: the CDK stops the stream with an error, we take it for nothing."""
    if not re.search(r"has no (attribute|element)|is undefined", evidence.cdk_error) or evidence.our_error:
        return False
    if Counter(evidence.difference.only_cdk) or evidence.difference.records_cdk:
        return False
    evidence.cdk_error, evidence.difference = "", Difference()
    return True


def refused_by_the_kit(evidence: Evidence) -> bool:
    """The CDK does not begin the stream: a template names a variable that it does not know any more. We need it not."""
    if (
        "is no longer supported" not in evidence.cdk_error
        or evidence.cdk
        or evidence.our_error
        or not evidence.our_records
    ):
        return False
    evidence.cdk_error, evidence.difference = "", Difference()
    return True


def refuses_an_empty_path(evidence: Evidence) -> bool:
    """A path that the manifest computes comes to nothing, as the way to end a listing: the CDK sends the request to the
    base URL itself, we refuse to and stop with an error."""
    bare = [one for one in evidence.difference.only_cdk if urlsplit(one.place).path in ("", "/")]
    if "empty list, which is not allowed in a path" not in evidence.our_error or len(bare) != 1:
        return False
    evidence.difference.only_cdk.remove(bare[0])
    evidence.our_error = ""
    if bare[0] == evidence.cdk[-1]:
        evidence.cdk_error = ""
    return True


def state_of_the_first_window(evidence: Evidence) -> bool:
    """Windows that end a granule apart which the cursor's format cannot tell are never joined: the CDK's state stays at
    its first window, and everything is read again; ours is the latest record."""
    first = evidence.before
    if first is None or not _earlier(first.cdk_state, first.our_state) or len(first.cdk) < 2:
        return False
    return _reads_more(evidence)


def state_in_another_unit(evidence: Evidence) -> bool:
    """The CDK writes its state in the requests' format and reads it in the records': it begins at the start again; we
    keep the moment."""
    first = evidence.before
    if first is None or set(evidence.cdk) - set(first.cdk) or _earlier(first.cdk_state, first.our_state):
        return False
    return _reads_more(evidence)


REASONS: Mapping[str, Reason] = {
    reason.__name__.replace("_", " "): reason
    for reason in (
        scopes_of_a_refresh,
        logs_in_again,
        checks_a_session,
        same_request_for_each_window,
        refreshes_without_a_token,
        field_left_out,
        says_none,
        sends_nameless,
        sends_template,
        asks_forever,
        goes_on_after_a_repeated_page,
        ends_at_a_refused_credential,
        fails_on_a_missing_field,
        refused_by_the_kit,
        refuses_an_empty_path,
        parents_of_a_product,
        state_of_the_first_window,
        state_in_another_unit,
    )
}


def _unscoped(one: Shape) -> Shape:
    return replace(one, body="&".join(pair for pair in one.body.split("&") if not pair.startswith("scopes=")))


def _spent(one: Shape) -> Shape:
    return replace(one, body=re.sub(r"(?<![^&])refresh_token=[^&]*", "", one.body))


def _reads_more(evidence: Evidence) -> bool:
    """Whether the CDK's second reading is ours begun earlier; what it gives more was there at the first reading."""
    found, first = evidence.difference, evidence.before
    if first is None or evidence.cdk_error or evidence.our_error or found.records_ours:
        return False
    if not _had(first, found.only_cdk, found.records_cdk) or not _later(found.only_ours, evidence.cdk):
        return False
    evidence.difference = Difference()
    return True


def _had(first: Evidence, requests: Sequence[Shape], records: Sequence[Any]) -> bool:
    """Whether our first reading asked all this, in other windows perhaps, and got these records."""
    asked, given = {one.form for one in first.ours}, {canonical(record) for record in first.our_records}
    return all(one.form in asked for one in requests) and all(canonical(record) in given for record in records)


def _later(requests: Sequence[Shape], others: Sequence[Shape]) -> bool:
    """Whether each request is one of the others but for a window that begins later, and ends no later."""
    windows = _windows(others)
    for one in requests:
        start, end = one.window
        spans = windows.get(one.form, set())
        if start is None or not any(begin is not None and begin < start for begin, _ in spans):
            return False
        ends = [until for _, until in spans if until is not None]
        if end is not None and (not ends or end > max(ends)):
            return False
    return True


def _repeats(evidence: Evidence) -> bool:
    """Whether all that the CDK sends and gives more is something that we sent and gave as well, once."""
    found = evidence.difference
    known = {canonical(record) for record in evidence.our_records}
    more = all(one in evidence.ours for one in found.only_cdk)
    return (
        more
        and not found.only_ours
        and not found.records_ours
        and all(canonical(r) in known for r in found.records_cdk)
    )


def _windows(requests: Sequence[Shape]) -> dict[Any, set[Window]]:
    """The windows that are asked for, by the request without them."""
    found: dict[Any, set[Window]] = {}
    for one in requests:
        found.setdefault(one.form, set()).add(one.window)
    return found


def _earlier(cdk: Any, ours: Any) -> bool:
    """Whether the latest moment in the CDK's state is before the latest in ours."""
    theirs, mine = max(_moments(cdk), default=None), max(_moments(ours), default=None)
    return theirs is not None and mine is not None and theirs < mine - 1.5


def _moments(state: Any) -> list[float]:
    """The moments in a state, in Unix seconds."""
    if isinstance(state, dict):
        return [moment for name, inner in state.items() if name != "lookback_window" for moment in _moments(inner)]
    if isinstance(state, list):
        return [moment for inner in state for moment in _moments(inner)]
    text = str(state)
    if re.fullmatch(r"[0-9]{9,16}(\.[0-9]+)?", text):
        number = float(text)
        return [number / 10 ** (3 * ((len(text.partition(".")[0]) - 8) // 3))]
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return []
    return [(found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()]


def _drop_cdk(evidence: Evidence, unneeded: Callable[[Shape], bool]) -> bool:
    kept = [one for one in evidence.difference.only_cdk if not unneeded(one)]
    dropped = len(kept) < len(evidence.difference.only_cdk)
    evidence.difference.only_cdk = kept
    return dropped


def _drop_ours(evidence: Evidence, extra: Callable[[Shape], bool]) -> bool:
    kept = [one for one in evidence.difference.only_ours if not extra(one)]
    dropped = len(kept) < len(evidence.difference.only_ours)
    evidence.difference.only_ours = kept
    return dropped


def _pair(evidence: Evidence, pairs: Sequence[tuple[Shape, Shape]]) -> bool:
    """Take requests that stand for each other away on both sides, as often as both are there."""
    found = False
    for theirs, mine in pairs:
        if theirs in evidence.difference.only_cdk and mine in evidence.difference.only_ours:
            evidence.difference.only_cdk.remove(theirs)
            evidence.difference.only_ours.remove(mine)
            found = True
    return found


def explained(evidence: Evidence) -> list[str]:
    """The names of the reasons that took something away. `evidence.left` says whether they took all."""
    return [name for name, reason in REASONS.items() if evidence.left and reason(evidence)]
