"""MLflow: deliveries with a signature over id, time and text, which come again with the same id after a 503."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from postbox import SECRET, Postbox, vendors
from processes import mlflow as mlflows
from processes.mlflow import Mlflow

pytestmark = pytest.mark.nightly  # installs and starts in a minute or two

MODELS: dict[str, Any] = {
    "verify": {
        "format": "hmac",
        "config": {
            "signature": 'headers."x-mlflow-signature"',
            "separator": " ",
            "pair": ",",
            "take": "v1",
            "encoding": "base64",
            "content": 'headers."x-mlflow-delivery-id" & "." & timestamp & "." & text',
            "timestamp": 'headers."x-mlflow-timestamp"',
            "key": "{{webhook_secret}}",
        },
    },
    "events": {
        "type": "[item.entity, item.action]",
        "id": 'headers."x-mlflow-delivery-id"',
        "occurred_at": "item.timestamp",
        "record": "item.data",
        "record_id": "item.data.name",
    },
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, deliveries: Postbox) -> Iterator[Mlflow]:
    with mlflows.mlflow(tmp_path_factory.mktemp("mlflow")) as running:
        event = [{"entity": "REGISTERED_MODEL", "action": "CREATED"}]
        running.call("webhooks", name="conn", url=deliveries.url("models"), secret=SECRET, events=event)
        yield running


def test_a_delivery_is_verified_and_a_changed_one_is_not(tmp_path: Path, deliveries: Postbox, server: Mlflow) -> None:
    box = deliveries.opened(vendors(tmp_path / "inbox", {"models": MODELS}))
    server.call("registered-models/create", name="grüße", description="<&>")
    came = box.next("models")
    assert (came.receipt.reply.status, came.types) == (200, ["models:registered_model.created"])
    (event,) = came.receipt.events
    assert (event.data["name"], event.vendor["id"]) == ("grüße", came.delivery.headers["x-mlflow-delivery-id"])
    assert event.occurred_at is not None and event.occurred_at.endswith("Z")
    for change in (
        {"body": came.delivery.body.replace(b"<&>", b"<!>")},
        {"headers": {"x-mlflow-delivery-id": "another"}},
        {"headers": {"x-mlflow-timestamp": str(int(came.delivery.headers["x-mlflow-timestamp"]) + 1)}},
        {"headers": {"x-mlflow-signature": None}},
    ):
        refused = box.again(came, **change)
        assert (refused.reply.status, refused.events) == (401, ()), change


def test_what_could_not_be_received_comes_again_and_is_the_same_event(
    tmp_path: Path, deliveries: Postbox, server: Mlflow
) -> None:
    """An account whose secret is not stored yet answers 503; the vendor tries again after a second."""
    library = vendors(tmp_path / "inbox", {"models": MODELS})
    library.knows("models")
    box = deliveries.opened(library)
    server.call("registered-models/create", name="later")
    first = box.next("models")
    assert first.receipt.reply.status == 503 and first.receipt.error is not None and not first.receipt.events
    library.knows("models", webhook_secret=SECRET)
    second = box.next("models", after=1)
    while second.receipt.reply.status == 503:  # it had been sent already
        second = box.next("models", after=len(box.came))
    assert second.receipt.verified_by == "hmac"
    assert box.again(first).events == second.receipt.events
