"""Settings of jobs that contradict themselves, and what a status means."""

from typing import Any

import pytest

from conn_engine.config.convert import ConversionError, convert
from conn_engine.config.models import Operation
from conn_engine.listing.jobs import Job

POLL = {"path": "/j", "status": "body.s", "done": ["done", 200]}


@pytest.mark.parametrize(
    ("job", "message"),
    [
        ({"poll": {**POLL, "url": "{{job.created.headers.location}}"}}, "either `path` or `url`"),
        ({"poll": {**POLL, "path": None}}, "either `path` or `url`"),
        ({"poll": {**POLL, "failed": ["done"]}}, "the status 'done' is both `done` and `failed`"),
        ({"poll": {**POLL, "running": ["200"]}}, "the status '200' is both `done` and `running`"),
        ({"poll": {**POLL, "done": []}}, "length >= 1"),
        ({"poll": POLL, "download": {"path": "/x", "url": "job.polled.body.u"}}, "either `url` or `path`"),
        ({"poll": POLL, "download": {}}, "either `url` or `path`"),
        ({"locate": {"path": "/x"}}, "without `poll` needs `download`"),
        ({"download": {"path": "/x"}, "abort": {"path": "/x"}}, "cannot have `abort`"),
        (
            {
                "poll": POLL,
                "download": {"path": "/x", "response_format": "json", "response_options": {"delimiter": ";"}},
            },
            "delimiter",
        ),
    ],
)
def test_contradictions_are_refused(job: dict[str, Any], message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        convert(job, Job)


def test_a_job_is_not_asked_for_in_pieces() -> None:
    operation = {
        "method": "get",
        "path": "/x",
        "job": {"poll": POLL},
        "chunk": {"values": [1], "param": "a", "size": 1},
    }
    with pytest.raises(ConversionError, match="`chunk` sends several requests per page"):
        convert(operation, Operation)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("done", "done"), (200, "done"), (200.0, "done"), ("200", "done"), ("other", "running"), (202, "running"),
        ("", "unknown"), (None, "unknown"), ([], "unknown"), ({"s": 1}, "unknown"),
    ],
)  # fmt: skip
def test_what_a_status_means(status: Any, expected: str) -> None:
    assert convert({"poll": POLL}, Job).poll.outcome(status) == expected


def test_with_the_running_ones_named_any_other_is_unknown() -> None:
    poll = convert({"poll": {**POLL, "running": [True], "empty": ["none"], "failed": [False]}}, Job).poll
    assert [poll.outcome(status) for status in (True, "true", False, "none", "x")] == [
        "running", "running", "failed", "empty", "unknown",
    ]  # fmt: skip
