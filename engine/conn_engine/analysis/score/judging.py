"""Judge a connector's recorded requests by the vendor's document, and store what was judged in `contract.yaml`."""

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256

from msgspec import structs, to_builtins

from conn_engine.analysis.drift.contract import Endpoint
from conn_engine.analysis.drift.requests import RequestJudge
from conn_engine.analysis.drift.sources import load_own_recordings
from conn_engine.analysis.score.contract import CONTRACT_FILE, ContractGap, PublishedContract
from conn_engine.config import Workspace
from conn_engine.documents import dump_yaml, write_whole
from conn_engine.recordings.files import RecordedRequest, Recording

__all__ = ["compute_request_digests", "judge_recordings", "write_contract"]

_REFUSED = 400
_HEAD = """\
# yaml-language-server: $schema=../../schemas/contract.schema.json
# What the recorded requests were judged against, and what differs. conn score reads it.
"""


def compute_request_digests(recordings: Iterable[Recording]) -> dict[str, str]:
    """Return a digest of the requests of each operation. Requests that the vendor refuses are left out: they may be
    wrong on purpose."""
    return {operation: _compute_digest(rows) for operation, rows in _group_requests(recordings).items()}


def judge_recordings(
    workspace: Workspace,
    connector: str,
    contract: PublishedContract,
    endpoints: Mapping[tuple[str, str], Endpoint],
) -> PublishedContract:
    """Return the contract with the operations whose recorded requests were judged, and with what differs. A known gap
    stays as it is while the document does not allow the request."""
    judge = RequestJudge(endpoints)
    judged, gaps = {}, {}
    requests = _group_requests(load_own_recordings(workspace, connector))
    for operation, rows in sorted(requests.items()):
        faults = list(dict.fromkeys(fault for request in rows for fault in judge.find_faults(request)))
        judged[operation] = _compute_digest(rows)
        if faults:
            gaps[operation] = contract.gaps.get(operation) or ContractGap(reason="; ".join(faults)[:400])
    return structs.replace(contract, judged=judged, gaps=gaps)


def write_contract(workspace: Workspace, connector: str, contract: PublishedContract) -> None:
    """Write `contract.yaml` of a connector."""
    path = workspace.root / "connectors" / connector / CONTRACT_FILE
    data = {key: value for key, value in to_builtins(contract).items() if value}
    write_whole(path, _HEAD + dump_yaml(data), within=workspace.root)


def _group_requests(recordings: Iterable[Recording]) -> dict[str, list[RecordedRequest]]:
    rows: dict[str, list[RecordedRequest]] = {}
    for recording in recordings:
        sent = [one.request for one in recording.exchanges if one.response.status < _REFUSED]
        if sent:
            rows.setdefault(recording.operation, []).extend(sent)
    return rows


def _compute_digest(requests: Iterable[RecordedRequest]) -> str:
    texts = sorted({json.dumps(to_builtins(request), sort_keys=True) for request in requests})
    return sha256("\n".join(texts).encode()).hexdigest()[:16]
