"""A service that serves a release channel: what a promotion, a rollback and a broken release do to it."""

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from channel_bench import CONTACTS, Channel, read_name
from service_bench import Bench, open_bench

from conn_service.http.accounts import ConfigurationSource
from conn_service.http.channel import ChannelConfiguration

STREAM = {"accept": "application/x-ndjson"}


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    return Channel(tmp_path / "workspace", tmp_path / "releases.sqlite3")


@pytest.fixture
def bench(channel: Channel) -> Iterator[Bench]:
    channel.root.mkdir()
    with open_bench(channel.root, configure=channel.configure) as made:
        yield made
    assert channel.source is not None
    channel.source.close()


def test_a_promotion_and_a_rollback_take_effect_without_a_restart(channel: Channel, bench: Bench) -> None:
    first = channel.release("response.name")
    assert read_name(bench) == "P1"
    channel.promote(channel.release("'two ' & response.name"))
    assert read_name(bench) == "two P1"
    channel.promote(first)
    assert read_name(bench) == "P1"


def test_an_account_in_a_rollout_uses_its_release_without_a_restart(channel: Channel, bench: Bench) -> None:
    first, second = channel.releases[0], channel.release("'two ' & response.name")
    channel.roll_out(second, "acme")
    others = bench.issue("unified:read", accounts=["globex"])
    assert (read_name(bench), read_name(bench, others)) == ("two P1", "P1")
    channel.promote(first)
    assert (read_name(bench), read_name(bench, others)) == ("P1", "P1")


def test_a_stream_ends_on_the_release_that_it_began_with(channel: Channel, bench: Bench) -> None:
    arrived, go = threading.Event(), threading.Event()
    inner = bench.vendor.answer

    def answer(got: Any) -> Any:
        if got.query.get("after") == "2" and not go.is_set():
            arrived.set()
            assert go.wait(60)
        assert inner is not None
        return inner(got)

    bench.vendor.answer = answer
    with ThreadPoolExecutor(1) as pool:
        stream = pool.submit(bench.ask, "GET", CONTACTS, headers=STREAM)
        assert arrived.wait(60)
        channel.promote(channel.release("'two ' & response.name"))
        assert read_name(bench) == "two P1"
        go.set()
        lines = [json.loads(line) for line in stream.result(60).text.splitlines()]
    assert [line["record"]["first_name"] for line in lines[:-1]] == ["P1", "P2", "P3"]
    assert lines[-1]["end"]["completeness"]["state"] == "complete"


def test_a_release_that_breaks_is_not_taken_up(
    channel: Channel, bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    path = channel.root / "connectors/shop/connector.yaml"
    good = path.read_text()
    path.write_text(good.replace("authorization:", "authorisation:"))
    broken = channel.release("'two ' & response.name")
    path.write_text(good)
    with caplog.at_level(logging.INFO, "conn_service"):
        channel.promote(broken)
        assert channel.configuration is not None
        channel.configuration.check()
    assert read_name(bench) == "P1"
    fault = channel.configuration.fault
    assert fault is not None
    assert fault.startswith(f"release {broken} breaks 3 accounts, such as acme: ")
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert fault in caplog.text
    channel.promote(channel.release("'three ' & response.name"))
    assert (read_name(bench), channel.configuration.fault) == ("three P1", None)


def test_a_release_that_breaks_an_account_of_the_store_is_not_taken_up_until_it_is_corrected(
    channel: Channel, bench: Bench
) -> None:
    mail = channel.root / "connectors/mail/connector.yaml"
    mail.parent.mkdir()
    mail.write_text("base_url: https://api.mail.example\nresources: {}\n")
    channel.promote(channel.release("response.name"))
    token = bench.issue(accounts=[])

    def put(name: str, text: str) -> None:
        headers = {"if-match": "*"} if bench.ask("GET", f"/admin/accounts/{name}", token=token).is_success else {}
        made = bench.ask(
            "PUT", f"/admin/accounts/{name}", {"document": text, "accept": "a trial"}, token=token, headers=headers
        )
        assert made.is_success, made.text

    put("hooli", "connector: mail\n")
    mail.unlink()
    without = channel.release("'two ' & response.name")
    channel.promote(without)
    assert channel.configuration is not None
    fault = channel.configuration.fault
    assert fault is not None
    assert fault.startswith(f"release {without} breaks 1 account, such as hooli: ")
    assert read_name(bench) == "P1"
    put("other", "connector: shop\n")
    channel.configuration.check()
    assert read_name(bench) == "P1"
    put("hooli", "connector: shop\n")
    channel.configuration.check()
    assert (read_name(bench), channel.configuration.fault) == ("two P1", None)


def test_an_account_that_was_broken_before_does_not_stop_a_release(channel: Channel, bench: Bench) -> None:
    (channel.root / "accounts/odd.yaml").write_text("connector: nowhere\n")
    channel.promote(channel.release("'two ' & response.name"))
    assert read_name(bench) == "two P1"
    assert channel.configuration is not None
    assert [*channel.configuration.find_broken()] == ["odd"]


def test_the_known_release_is_served_while_its_store_is_damaged(channel: Channel, bench: Bench) -> None:
    second = channel.release("'two ' & response.name")
    with sqlite3.connect(channel.file) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in tables:
            connection.execute(f"ALTER TABLE {name} RENAME TO x_{name}")
    assert channel.configuration is not None
    channel.configuration.check()
    assert channel.configuration.fault
    assert read_name(bench) == "P1"
    every = bench.issue(accounts=())
    assert bench.ask("GET", f"{CONTACTS}/1", token=every, headers={"conn-account": "globex"}).status_code == 200
    with sqlite3.connect(channel.file) as connection:
        for name in tables:
            connection.execute(f"ALTER TABLE x_{name} RENAME TO {name}")
    channel.promote(second)
    assert (read_name(bench), channel.configuration.fault) == ("two P1", None)


def test_the_service_follows_its_channel(channel: Channel) -> None:
    def configure(root: Path) -> ConfigurationSource:
        channel.configure(root)
        assert channel.source is not None
        return ChannelConfiguration(channel.source, check_seconds=0.01)

    channel.root.mkdir()
    with open_bench(channel.root, configure=configure) as bench:
        channel.promote(channel.release("'two ' & response.name"))
        end = time.monotonic() + 60
        while read_name(bench) != "two P1":
            assert time.monotonic() < end
    assert channel.source is not None
    channel.source.close()
