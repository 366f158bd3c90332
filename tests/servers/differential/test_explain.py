"""Each reason for a difference recognizes its cause, and leaves standing what the cause does not make."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from differential.compare import Difference, Shape, canonical
from differential.explain import REASONS, Evidence, Refusal, explained

DAY = 86400.0
RECORD = {"id": 1}
LATER = {"id": 2}


def request(path: str, **more: Any) -> Shape:
    """A request as the server knows it: `form` is what does not tell page and window; the window is in the query."""
    query = tuple(
        sorted({**more.pop("query", {}), **({"window": str(more["window"])} if "window" in more else {})}.items())
    )
    form = {"kind": "records", "own": True, "base": path, "count": 1, "body": "", **more}
    return Shape("GET", f"https://v.example{path}", query, (), **form)


def evidence(cdk: Sequence[Shape], ours: Sequence[Shape], **more: Any) -> Evidence:
    """Both readings, with the difference that a comparison finds between them."""
    records = [more.pop("cdk_records", [RECORD]), more.pop("our_records", [RECORD])]
    left, right = (Counter(map(canonical, one)) for one in records)
    found = Difference(list((Counter(cdk) - Counter(ours)).elements()), list((Counter(ours) - Counter(cdk)).elements()))
    found.records_cdk = [one for one in records[0] if (left - right)[canonical(one)]]
    found.records_ours = [one for one in records[1] if (right - left)[canonical(one)]]
    errors = {"cdk_error": "", "our_error": "", **more}
    return Evidence(cdk=cdk, ours=ours, cdk_records=records[0], our_records=records[1], difference=found, **errors)


LIST = request("/things")
TOKEN = request("/token", kind="token", own=False, body="grant_type=refresh_token&refresh_token=r")
STOPPED = "Response was not ok: `418 Client Error: I'm a Teapot"


def window(start: float, end: float, path: str = "/things", **more: Any) -> Shape:
    return request(path, window=(start * DAY, end * DAY), **more)


NEXT = request("/things", query={"page": "3"}, page=1)


def _first(**more: Any) -> Evidence:
    asked = [window(0, 10), window(10, 20), window(0, 20, "/parents", own=False)]
    return evidence(asked, asked, cdk_records=[RECORD, LATER], our_records=[RECORD, LATER], **more)


CASES: dict[str, Callable[[], Evidence]] = {
    "logs in again": lambda: evidence([TOKEN, TOKEN, LIST], [TOKEN, LIST]),
    "checks a session": lambda: evidence([request("/me", kind="check", own=False), LIST], [LIST]),
    "field left out": lambda: evidence(
        [LIST],
        [LIST],
        cdk_records=[{**RECORD, "digest": "d41d8"}],
        our_records=[{**RECORD, "digest": None}],
        left_out=frozenset({"digest"}),
    ),
    "scopes of a refresh": lambda: evidence(
        [request("/token", kind="token", body="grant_type=refresh_token&scopes=a&scopes=b"), LIST],
        [request("/token", kind="token", body="grant_type=refresh_token"), LIST],
    ),
    "asks forever": lambda: evidence([LIST] * 400, [LIST], cdk_records=[RECORD] * 400, cdk_error=STOPPED),
    "goes on after a repeated page": lambda: evidence(
        [LIST, NEXT, NEXT],
        [LIST, NEXT],
        cdk_records=[RECORD, LATER, LATER],
        our_error="pagination: a page that was there before",
    ),
    "same request for each window": lambda: evidence([LIST] * 3, [LIST], cdk_records=[RECORD] * 3, untold=True),
    "refreshes without a token": lambda: evidence(
        [request("/token", kind="token", body="grant_type=refresh_token&refresh_token="), LIST], [TOKEN_OF_OURS, LIST]
    ),
    "says none": lambda: evidence([request("/things", query={"q": "None"})], [LIST]),
    "sends nameless": lambda: evidence([request("/things", query={"": "3"})], [LIST]),
    "sends template": lambda: evidence(
        [LIST, request("/things", query={"page": "{{ response.next }}"})], [LIST], cdk_records=[RECORD, RECORD]
    ),
    "parents of a product": lambda: evidence(
        [window(15, 20, "/parents", own=False)],
        [window(5, 20, "/parents", own=False), window(10, 20)],
        cdk_records=[],
        our_records=[LATER],
        before=_first(our_state={"parents": {}}, cdk_state={}),
    ),
    "state of the first window": lambda: evidence(
        [window(0, 10), window(10, 20)],
        [window(15, 20)],
        cdk_records=[RECORD, LATER],
        our_records=[LATER],
        before=_first(cdk_state="2026-01-01T00:00:00Z", our_state="2026-02-01T00:00:00Z"),
    ),
    "state in another unit": lambda: evidence(
        [window(0, 10), window(10, 20)],
        [window(15, 20)],
        cdk_records=[RECORD, LATER],
        our_records=[LATER],
        before=_first(cdk_state="2026-02-01T00:00:00Z", our_state="2026-02-01T00:00:00Z"),
    ),
}
TOKEN_OF_OURS = request("/token", kind="token", body="grant_type=refresh_token&refresh_token=mine")


def denied(*sides: Any, **more: Any) -> Evidence:
    found = evidence(*sides, refusal=Refusal(401, 0), **more)
    found.cdk_failed = True
    return found


ONE_SIDED: dict[str, Callable[[], Evidence]] = {
    "fails on a missing field": lambda: evidence(
        [LIST], [LIST, request("/more")], cdk_error="'dict' has no attribute 'x'"
    ),
    "ends at a refused credential": lambda: denied(
        [window(0, 10), window(10, 20)], [window(0, 10), TOKEN, window(0, 10)], cdk_records=[RECORD, LATER]
    ),
    "refuses an empty path": lambda: evidence(
        [LIST, request("/")], [LIST], cdk_error="404", our_error="is an empty list, which is not allowed in a path"
    ),
    "refused by the kit": lambda: evidence([], [LIST], cdk_records=[], cdk_error="stream_state is no longer supported"),
}
"""Where the CDK stops, or does not begin, there is nothing to hold our requests against."""


def test_every_reason_is_here() -> None:
    assert {*CASES, *ONE_SIDED} == set(REASONS)


@pytest.mark.parametrize("name", [*CASES, *ONE_SIDED])
def test_a_reason_explains_its_cause(name: str) -> None:
    found = (CASES | ONE_SIDED)[name]()
    assert found.left
    assert explained(found) == [name]
    assert not found.left


@pytest.mark.parametrize("side", ["only_cdk", "only_ours", "records_cdk", "records_ours"])
@pytest.mark.parametrize("name", CASES)
def test_another_difference_beside_it_is_left(name: str, side: str) -> None:
    found = CASES[name]()
    add_stray(found, side)
    explained(found)
    assert found.left


def add_stray(found: Evidence, side: str) -> None:
    """One more request or record of one side, which has nothing to do with the cause."""
    stray: Any = request("/stray", count=0) if side.startswith("only") else {"id": "stray"}
    whole = {"only_cdk": "cdk", "only_ours": "ours", "records_cdk": "cdk_records", "records_ours": "our_records"}[side]
    setattr(found, whole, [stray, *getattr(found, whole)])
    getattr(found.difference, side).append(stray)


@pytest.mark.parametrize("name", [*CASES, *ONE_SIDED])
def test_an_error_of_ours_beside_it_is_left(name: str) -> None:
    found = (CASES | ONE_SIDED)[name]()
    found.our_error = "ExpressionError: the expression fails"
    explained(found)
    assert found.our_error


@pytest.mark.parametrize("side", ["only_cdk", "records_cdk"])
def test_what_the_kit_alone_sends_or_gives_is_left(side: str) -> None:
    found = ONE_SIDED["fails on a missing field"]()
    add_stray(found, side)
    explained(found)
    assert found.left
