"""Steady and Prism (npm): mock servers that hold each request against a vendor's own OpenAPI document.

How each reports a fault (measured):

Steady
- a bad request: 400, `x-steady-request-valid: false`, and `x-steady-error-<n>-code`, `-path` and `-message`,
  as many as `x-steady-error-count` says; an unknown path is a 404 with code E2001;
- a query name that the document does not know: the same headers (E3015) under a 200 that says it is valid;
- credentials are not looked at.

Prism
- a bad request: 422, a problem document with `validation: […]`; where the document describes errors without
  a JSON media type, 500 with the faults in the header `sl-violations`; an unknown path is 404;
- a missing credential: 401, or in the second case code 401 within `sl-violations`; any value passes;
- `sl-violations` also names faults of Prism's own answer (location `response`): they are not the caller's.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from processes import cache
from processes.process import free_port, running
from processes.specs import spec
from processes.witness import Exchange, Witness, witness

__all__ = ["Judge", "prism", "steady"]

STEADY_VERSION = "0.22.2"
PRISM_VERSION = "5.16.0"
BRACKETS = [
    f"--validator-{place}-{kind}-format=brackets" for place in ("query", "form") for kind in ("array", "object")
]
WITHOUT_EXAMPLES = {"hubspot-crm-contacts-v3.json"}  # every example in it is null: answers are made from its schemas


@dataclass(frozen=True, slots=True)
class Judge:
    """A running judge behind a witness: callers speak to `url`; `faults` says what was found."""

    name: str
    bench: Witness

    @property
    def url(self) -> str:
        """The origin that callers speak to."""
        return self.bench.url

    @property
    def exchanges(self) -> list[Exchange]:
        """All that was asked and answered so far."""
        return self.bench.seen

    def faults(self) -> list[str]:
        """Every fault found in a request so far, one line each, with the request."""
        read = steady_faults if self.name == "steady" else prism_faults
        return [f"{seen.method} {seen.target}: {fault}" for seen in self.exchanges for fault in read(seen)]

    def forget(self) -> None:
        """Start a new case."""
        self.bench.seen.clear()


def steady_faults(seen: Exchange) -> list[str]:
    """The faults that Steady's headers name, warnings under a 200 included."""
    headers = seen.answer_headers
    count = int(headers.get("x-steady-error-count", "0"))
    named = [
        f"{headers.get(f'x-steady-error-{n}-code')} {headers.get(f'x-steady-error-{n}-path')}: "
        f"{headers.get(f'x-steady-error-{n}-message')}"
        for n in range(1, count + 1)
    ]
    if not named and (headers.get("x-steady-request-valid") != "true" or seen.status >= 400):
        named = [f"status {seen.status} {seen.answer[:200]!r}"]
    return named


def prism_faults(seen: Exchange) -> list[str]:
    """The faults of the request that Prism names in its header or its problem document."""
    violations: list[dict[str, Any]] = json.loads(seen.answer_headers.get("sl-violations", "[]"))
    named = [v for v in violations if v["location"][:1] == ["request"]]
    problem: dict[str, Any] = {}
    if "problem+json" in seen.answer_headers.get("content-type", ""):
        problem = json.loads(seen.answer)
        named = named or problem.get("validation", [])
    lines = [f"{'.'.join(map(str, v['location']))}: {v['message']}" for v in named]
    if not lines and seen.status >= 400:
        lines = [f"status {seen.status} {problem.get('title', seen.answer[:200])}"]
    return lines


@contextmanager
def steady(folder: Path, document: str, *, strip: str = "", brackets: bool = False) -> Iterator[Judge]:
    """Steady over one vendor document until the block is left.

    `strip`: a prefix of callers' paths; `brackets`: lists are sent as a[]=, objects as a[b]=.
    """
    program = cache.node_modules("@stdy/cli", STEADY_VERSION) / "@stdy/cli/steady.js"
    node = cache.tool("node", "Install Node.js 20 or later.")
    port = free_port()
    command: list[str | Path] = [node, program, "--host", "127.0.0.1", "-p", str(port), "--no-color"]
    command += BRACKETS if brackets else []
    with (
        running(
            f"steady over {document}",
            [*command, spec(document)],
            url=f"http://127.0.0.1:{port}/",
            log=folder / "steady.log",
            folder=folder,
        ),
        witness(f"http://127.0.0.1:{port}", strip=strip) as bench,
    ):
        yield Judge("steady", bench)


@contextmanager
def prism(folder: Path, document: str, *, strip: str = "") -> Iterator[Judge]:
    """Prism over one vendor document until the block is left. It demands the document's credentials."""
    program = cache.node_modules("@stoplight/prism-cli", PRISM_VERSION) / "@stoplight/prism-cli/dist/index.js"
    node = cache.tool("node", "Install Node.js 20 or later.")
    port = free_port()
    command: list[str | Path] = [node, program, "mock", "-h", "127.0.0.1", "-p", str(port)]
    if document in WITHOUT_EXAMPLES:
        command += ["-d", "--seed", "1"]
    with (
        running(
            f"prism over {document}",
            [*command, spec(document)],
            url=f"http://127.0.0.1:{port}/",
            log=folder / "prism.log",
            folder=folder,
        ),
        witness(f"http://127.0.0.1:{port}", strip=strip) as bench,
    ):
        yield Judge("prism", bench)
