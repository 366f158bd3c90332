"""dlt's RESTClient with its own auth and cursor paginator; the mapping is the hand-written one."""

from collections.abc import Iterator
from typing import Any

from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.auth import APIKeyAuth
from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

from benchmarks.peers.course import PAGE, Course

course = Course()
workload = course.workload
name, value = workload.header
client = RESTClient(
    base_url=course.base,
    auth=APIKeyAuth(name=name, api_key=value, location="header"),
    data_selector=workload.records,
)


def pages() -> Iterator[list[dict[str, Any]]]:
    paginator = JSONResponseCursorPaginator(cursor_path=".".join(workload.cursor), cursor_param=workload.param)
    for page in client.paginate(workload.path, params={"limit": PAGE}, paginator=paginator):
        yield course.mapped(page)


course.measure(pages)
