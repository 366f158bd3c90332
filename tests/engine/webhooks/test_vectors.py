"""Deliveries that vendors' own libraries signed or accepted are accepted here; those that prove nothing are refused."""

import json

import pytest
from desk import HERE, delivery, document, judged, schemes, secrets, workspace

from conn_engine.errors import CredentialError

DIFFERENT = {
    ("stripe", "uppercase_hex"): "a digest in upper case is the same bytes; several vendors write it so",
}
"""Cases in which something else is expected here than the vector says, and why."""


def cases():
    """Each case for its scheme, and for the vendor's own entry where there is one beside it."""
    for file in sorted((HERE / "vectors").glob("*.json")):
        told = json.loads(file.read_text(encoding="utf-8"))
        own = [told["vendor"]] if told["vendor"] != told["scheme"] and told["vendor"] in schemes() else []
        for scheme in [told["scheme"], *own]:
            for case in told["cases"]:
                marked = f"{told['vendor']}-{case['id']}" + ("-by-name" if scheme in own else "")
                yield pytest.param(told["vendor"], scheme, case, id=marked)


@pytest.fixture(scope="module")
def proving(tmp_path_factory):
    """The vendors' connectors without their events: some libraries' examples are signed, and are no event."""
    root = tmp_path_factory.mktemp("proving").resolve()
    told = {name: {key: said for key, said in one.items() if key != "events"} for name, one in schemes().items()}
    return workspace(root, {name.replace("_", "-"): document(one) for name, one in told.items()})


@pytest.mark.parametrize(("vendor", "scheme", "case"), list(cases()))
def test_it_is_accepted_when_the_vendor_sent_it(proving, vendor, scheme, case):
    told = proving.effective(account=None, connector=scheme.replace("_", "-"))
    try:
        accepted = judged(told, delivery(case), secrets(case), now=case["now"])
    except CredentialError:
        is_verified = False
    else:
        is_verified = accepted.refusal is None
        assert accepted.reply.status in ((200, 202, 204) if is_verified else (401, 403))
    assert is_verified is (case["valid"] or (vendor, case["id"]) in DIFFERENT)


NO_EVENTS = {
    ("github", "ok_docs_example"): "a text that shows the signature, without the header of an event",
    ("slack", "ok_docs_example"): "a form without its content type",
}
"""Deliveries that hold no event, and why."""
GENUINE = [case for case in cases() if case.values[2]["valid"] and "events" in schemes()[case.values[1]]]


@pytest.mark.parametrize(("vendor", "scheme", "case"), GENUINE)
def test_the_events_of_what_a_vendor_sent_are_read(vendors, vendor, scheme, case):
    if (vendor, case["id"]) in NO_EVENTS:
        return
    told = vendors.effective(account=None, connector=scheme.replace("_", "-"))
    accepted = judged(told, delivery(case), secrets(case), now=case["now"])
    assert accepted.events or accepted.challenge is not None
    assert all(event.type for event in accepted.events)


def test_what_is_expected_otherwise_is_a_case():
    known = {
        (told["vendor"], case["id"]) for told in map(read, (HERE / "vectors").glob("*.json")) for case in told["cases"]
    }
    assert known.issuperset({*DIFFERENT, *NO_EVENTS})


def read(file):
    return json.loads(file.read_text(encoding="utf-8"))
