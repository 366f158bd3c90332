"""What vendors' own libraries signed is stored without their secrets, and verified again with recording secrets."""

import json

import pytest
from desk import HERE, delivery, document, record_to_file, schemes, secrets, workspace

from conn_engine.runtime.call import Session
from conn_engine.runtime.wiring import Wiring
from conn_engine.secrets import Redactor
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.wire import FrozenClock


def cases():
    for file in sorted((HERE / "vectors").glob("*.json")):
        told = json.loads(file.read_text(encoding="utf-8"))
        for case in told["cases"]:
            if case["valid"]:
                yield pytest.param(told["scheme"], case, id=f"{told['vendor']}-{case['id']}")


@pytest.fixture(scope="module")
def receiving(tmp_path_factory):
    root = tmp_path_factory.mktemp("receiving").resolve()
    told = {name: {key: said for key, said in one.items() if key != "events"} for name, one in schemes().items()}
    return workspace(root, {name.replace("_", "-"): document(one) for name, one in told.items()})


@pytest.mark.parametrize(("scheme", "case"), list(cases()))
def test_a_vector_is_verified_again(receiving, scheme, case, tmp_path):
    effective = receiving.effective(account=None, connector=scheme.replace("_", "-"))
    document = secrets(case)
    redactor = Redactor()
    redactor.add_document({name: value for name, value in document.items() if "-----BEGIN" not in str(value)})
    wiring = Wiring(effective, Session("", document, {}, FrozenClock(case["now"])), MemoryVault({}), redactor)
    path = tmp_path / "d.json"
    kept = record_to_file(wiring, delivery(case), path, received_at=case["now"])
    assert kept.outcome.error is None
    assert kept.recorded.verified_by is None
    assert redactor.find(path.read_text(encoding="utf-8")) == []
