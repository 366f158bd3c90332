"""Every vendor response of the shared vectors becomes the normalised headers it must become."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from evaluating import usual

from conn_engine.config.vendors import load_facts
from conn_engine.responses.ratelimit import RateLimit, read_rate_state
from conn_engine.settings import Answer
from conn_engine.wire import Headers, Request, Response

VECTORS = Path(__file__).parents[2] / "vectors"
CASES = json.loads((VECTORS / "ratelimit.json").read_text("utf-8"))["cases"]
SETTINGS = {vendor: entry["rate_limit"] for vendor, entry in load_facts("rate-limits").items()}


def answer_of(case: dict[str, Any]) -> Answer:
    response = Response(case["status"], Headers(case["headers"]), case["body"].encode())
    body = json.loads(case["body"]) if case["body"] else None
    return Answer(Request("GET", "https://api.example.com/things"), response, body, scope=usual())


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_vector(case: dict[str, Any]) -> None:
    settings = msgspec.convert(SETTINGS[case["vendor"]], RateLimit)
    state = read_rate_state(settings, answer_of(case), case["now"])
    assert state.limited is case["expect"]["limited"]
    assert state.headers == {name.lower(): value for name, value in case["expect"]["headers"].items()}
    if state.limited:
        assert state.retry_after == float(case["expect"]["headers"]["Retry-After"])


def test_every_vendor_of_the_vectors_has_settings() -> None:
    assert {case["vendor"] for case in CASES} <= set(SETTINGS)
