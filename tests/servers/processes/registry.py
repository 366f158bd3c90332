"""The Docker registry (Debian): lists of names by `Link` headers that are relative, JSON in a media type of its own."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from processes import cache
from processes.process import free_port, running

__all__ = ["NAMES", "Registry", "registry"]

NAMES = tuple(f"team/app-{number}" for number in range(5))
TYPE = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True, slots=True)
class Registry:
    """A running registry with five repositories, each with one tag."""

    port: int

    @property
    def url(self) -> str:
        """Its origin."""
        return f"http://127.0.0.1:{self.port}"

    def push(self, name: str, tag: str = "latest") -> None:
        """Put an image without layers there."""
        config = json.dumps({"architecture": "amd64", "os": "linux", "of": name}).encode()
        digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
        described = {"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(config)}
        manifest = {"schemaVersion": 2, "mediaType": TYPE, "config": {**described, "digest": digest}, "layers": []}
        with httpx.Client(trust_env=False, timeout=60) as client:
            begun = client.post(f"{self.url}/v2/{name}/blobs/uploads/").raise_for_status()
            place = httpx.URL(begun.headers["location"]).copy_merge_params({"digest": digest})
            client.put(place, content=config).raise_for_status()
            there = f"{self.url}/v2/{name}/manifests/{tag}"
            client.put(there, content=json.dumps(manifest), headers={"content-type": TYPE}).raise_for_status()


@contextmanager
def registry(folder: Path) -> Iterator[Registry]:
    """Unpack (cached), serve from `folder` and fill until the block is left."""
    program = cache.debian("docker-registry", "docker-registry")
    port = free_port()
    settings = folder / "registry.json"
    http = {"addr": f"127.0.0.1:{port}", "secret": "conn tests"}
    storage = {"filesystem": {"rootdirectory": str(folder / "images")}}
    settings.write_text(json.dumps({"version": "0.1", "storage": storage, "http": http}), encoding="utf-8")  # is YAML
    with running(
        "docker-registry",
        [program, "serve", settings],
        url=f"http://127.0.0.1:{port}/v2/",
        log=folder / "registry.log",
        folder=folder,
        ready=lambda answer: answer.status_code == 200,
    ):
        server = Registry(port)
        for name in NAMES:
            server.push(name)
        yield server
