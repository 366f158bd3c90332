"""The listings that are fetched: how each bundled connector's vendor pages, and where its parts are."""

from dataclasses import dataclass

__all__ = ["HUBSPOT", "PIPEDRIVE", "TOKEN", "WORKLOADS", "Workload"]

TOKEN = "bench-token"


@dataclass(frozen=True, slots=True)
class Workload:
    """One listing. `head`, `more` and `end` are the texts around a page's records; `%d` is the next cursor."""

    connector: str
    operation: str
    path: str
    param: str
    records: str
    cursor: tuple[str, ...]
    header: tuple[str, str]
    variable: str
    head: str
    more: str
    end: str


HUBSPOT = Workload(
    connector="hubspot",
    operation="crm.contacts.list",
    path="/crm/v3/objects/contacts",
    param="after",
    records="results",
    cursor=("paging", "next", "after"),
    header=("Authorization", f"Bearer {TOKEN}"),
    variable="CONN_BENCH_OAUTH__TOKEN__ACCESS_TOKEN",
    head='{"results":[',
    more='],"paging":{"next":{"after":"%d"}}}',
    end="]}",
)
PIPEDRIVE = Workload(
    connector="pipedrive",
    operation="crm.contacts.list",
    path="/persons",
    param="cursor",
    records="data",
    cursor=("additional_data", "next_cursor"),
    header=("x-api-token", TOKEN),
    variable="CONN_BENCH_API_KEY",
    head='{"success":true,"data":[',
    more='],"additional_data":{"next_cursor":"%d"}}',
    end='],"additional_data":{"next_cursor":null}}',
)
WORKLOADS = {workload.connector: workload for workload in (HUBSPOT, PIPEDRIVE)}
