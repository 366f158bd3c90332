"""A token endpoint that is briefly unavailable does not end a run."""

from typing import Any

import pytest
from evaluating import usual

from conn_engine.auth import OAuth2ClientCredentials
from conn_engine.config.convert import convert
from conn_engine.errors import CredentialError, TransportError, VendorError
from conn_engine.runtime.drive import finish
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.transport.faults import json_answer
from conn_engine.wire import FrozenClock, Headers, Request, Response

HOSTS = ("auth.example.com",)
TOKEN = json_answer({"access_token": "new", "expires_in": 3600})


class Endpoint:
    """Answers in turn; what is an exception it raises."""

    def __init__(self, *answers: Response | Exception) -> None:
        self.answers = list(answers)
        self.sent: list[Request] = []

    def send(self, request: Request) -> Response:
        self.sent.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def exchange(endpoint: Endpoint) -> tuple[dict[str, Any], list[float]]:
    """The document that comes out, and the pauses."""
    told = {"format": "oauth2_client_credentials", "config": {"token_url": "https://auth.example.com/token"}}
    kind: Any = OAuth2ClientCredentials
    credentials = convert(told, kind)
    clock = FrozenClock()
    scope = {"env": {}, "context": {}}
    stored = {"client_id": "me", "client_secret": "the client's secret"}
    flow = credentials.exchange(usual(scope, **stored), HOSTS, clock)(stored)
    return finish(flow, endpoint, MemoryVault(), clock), clock.slept


def out_of_order(status: int = 503, **headers: str) -> Response:
    return Response(status, Headers({name.replace("_", "-"): value for name, value in headers.items()}), b"{}")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_it_is_asked_again(status: int) -> None:
    endpoint = Endpoint(out_of_order(status), TOKEN)
    document, pauses = exchange(endpoint)
    assert document["oauth"]["token"]["access_token"] == "new"
    assert pauses == [1.0]
    assert endpoint.sent[0] == endpoint.sent[1]


def test_one_that_cannot_be_reached_is_asked_again() -> None:
    fault = TransportError("the connection broke", fault="reset")
    document, pauses = exchange(Endpoint(fault, fault, TOKEN))
    assert document["oauth"]["token"]["access_token"] == "new"
    assert pauses == [1.0, 4.0]


def test_it_waits_as_long_as_it_is_told_to() -> None:
    assert exchange(Endpoint(out_of_order(retry_after="20"), TOKEN))[1] == [20.0]
    with pytest.raises(VendorError, match="is unavailable"):
        exchange(Endpoint(out_of_order(retry_after="3600")))


def test_not_without_end() -> None:
    endpoint = Endpoint(*[out_of_order()] * 3)
    with pytest.raises(VendorError, match="is unavailable"):
        exchange(endpoint)
    assert (len(endpoint.sent), endpoint.answers) == (3, [])


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_stands(status: int) -> None:
    endpoint = Endpoint(Response(status, Headers(), b'{"error": "invalid_client"}'))
    with pytest.raises(CredentialError):
        exchange(endpoint)
    assert len(endpoint.sent) == 1


def test_a_limit_is_the_callers_to_wait_for() -> None:
    with pytest.raises(VendorError) as raised:
        exchange(Endpoint(out_of_order(429, retry_after="2")))
    assert raised.value.kind == "rate_limited" and raised.value.retry_after == 2.0


def test_a_fault_that_stays_is_not_tried_again() -> None:
    endpoint = Endpoint(TransportError("a wrong certificate", retryable=False, fault="tls"))
    with pytest.raises(TransportError):
        exchange(endpoint)
    assert len(endpoint.sent) == 1
