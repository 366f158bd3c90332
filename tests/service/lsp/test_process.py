"""The analysis process: it is killed when it takes too long, starts again with the open texts, and sees no secrets."""

import asyncio
import os
import re
import signal
from pathlib import Path

import pytest

from conn_service.lsp.messages import EditorQuery
from conn_service.lsp.process import AnalysisProcess
from conn_service.query_process.process import QueryStoppedError

SECONDS = 60.0


@pytest.mark.asyncio
async def test_a_query_that_takes_too_long_ends_the_process_only(tmp_path: Path) -> None:
    (tmp_path / "conn.yaml").write_text("version: 1\n")
    path = str(tmp_path / "conn.yaml")
    process = AnalysisProcess()
    process.change(path, "version: 1\nmodel: []\n")
    with pytest.raises(QueryStoppedError, match=r"it took more than 0\.0001 s"):
        await process.ask(EditorQuery("lint"), 0.0001)
    reply = await process.ask(EditorQuery("lint"), SECONDS)
    assert [(found.path, [problem.code for problem in found.problems]) for found in reply.lint] == [(path, ["CFG101"])]
    await process.close()


@pytest.mark.asyncio
async def test_a_crash_is_reported_and_the_next_query_answered(tmp_path: Path) -> None:
    process = AnalysisProcess()
    assert (await process.ask(EditorQuery("explain", word="EXP102"), SECONDS)).explain.startswith("**EXP102**")
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)  # it does not answer before it is killed
    query = asyncio.ensure_future(process.ask(EditorQuery("lint"), SECONDS))
    for _ in range(20):
        await asyncio.sleep(0)
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(QueryStoppedError, match="its process ended unexpectedly"):
        await query
    assert (await process.ask(EditorQuery("explain", word="nothing"), SECONDS)).explain == ""
    await process.close()


@pytest.mark.asyncio
async def test_a_cancelled_query_leaves_no_reply_for_the_next_one_and_no_credential_is_passed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "tok-live-1234567890")
    process = AnalysisProcess()
    query = asyncio.ensure_future(process.ask(EditorQuery("explain", word="EXP102"), SECONDS))
    await asyncio.sleep(0)
    query.cancel()
    assert (await process.ask(EditorQuery("explain", word="EXP101"), SECONDS)).explain.startswith("**EXP101**")
    place = Path(f"/proc/{process.pid}")
    assert b"tok-live" not in (place / "environ").read_bytes()
    limits = (place / "limits").read_text()
    assert re.search(rf"Max address space +{2 * 2**30} ", limits) and re.search(r"Max core file size +0 +0 ", limits)
    await process.close()
