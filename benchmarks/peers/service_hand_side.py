"""The service that a programmer writes by hand: Starlette, one httpx client, the mapping in Python.

`python -m benchmarks.peers.service_hand_side BASE_URL` prints its port and serves until its standard input ends. It
knows one token and one account.
"""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.by_hand import MAPPINGS
from benchmarks.peers.service_hand_serving import run
from benchmarks.workloads import HUBSPOT, TOKEN

base = sys.argv[1]
context = json.loads(sys.argv[2])
convert = MAPPINGS["hubspot", "crm.contacts.list"]
client = httpx.AsyncClient(headers=dict([HUBSPOT.header]), timeout=30, trust_env=False)


def refuse(request: Request) -> JSONResponse | None:
    if request.headers.get("authorization") == f"Bearer {TOKEN}":
        return None
    return JSONResponse({"status": 401}, 401)


async def fetch(path: str, query: dict[str, Any]) -> Any:
    response = await client.get(f"{base}{path}", params=query)
    response.raise_for_status()
    return response.json()


async def list_contacts(request: Request) -> JSONResponse:
    refused = refuse(request)
    if refused is not None:
        return refused
    query = {"limit": request.query_params.get("limit", "10")}
    if "cursor" in request.query_params:
        query["after"] = request.query_params["cursor"]
    body = await fetch(HUBSPOT.path, query)
    result = [convert(record, context) for record in body["results"]]
    after = body.get("paging", {}).get("next", {}).get("after")
    return JSONResponse(
        {
            "result": result,
            "next_cursor": after,
            "prev_cursor": None,
            "result_count": len(result),
        }
    )


async def get_contact(request: Request) -> JSONResponse:
    refused = refuse(request)
    if refused is not None:
        return refused
    body = await fetch(f"{HUBSPOT.path}/{request.path_params['id']}", {})
    return JSONResponse({"result": convert(body, context)})


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[None]:
    async with client:
        yield


app = Starlette(
    routes=[Route("/unified/crm/contacts", list_contacts), Route("/unified/crm/contacts/{id}", get_contact)],
    lifespan=lifespan,
)


if __name__ == "__main__":
    run(app)
