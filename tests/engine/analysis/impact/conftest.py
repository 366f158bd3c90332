"""Workspaces made of random decisions, and a change to them: small, but with every kind of thing a change can touch."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

CONNECTORS = ("alpha", "beta")
FIELDS = ("name", "email", "score", "city")
LEAVES = (
    "response.a",
    "response.b",
    "response.n.c",
    "$string(response.num)",
    "response.num",
    "$uppercase(response.a)",
    "context.region & response.a",
    "response.gone",
    "response.list",
    "'fixed'",
)
SCHEMA = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "string"},
        "name": {"type": ["string", "null"]},
        "email": {"type": ["string", "null"]},
        "score": {"type": ["number", "string", "null"]},
    },
}


class Generated:
    """The documents of a workspace as data, by relative path; `write` makes the folder."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.files: dict[str, Any] = {"conn.yaml": {"version": 1}}
        self.files["models/m/thing.schema.json"] = SCHEMA
        for name in CONNECTORS:
            self._connector(name)
        self.files["environments/production.yaml"] = {"connectors": {"alpha": self._override(0.3)}}
        for number in range(random.randint(2, 6)):
            self.files[f"accounts/acc{number}.yaml"] = self._account(number)

    def _connector(self, name: str) -> None:
        folder = f"connectors/{name}"
        self.files[f"{folder}/connector.yaml"] = {
            "base_url": f"https://{name}.example.com",
            "headers": {"X-Version": "1"},
            "pagination": {"format": "page", "config": {"page_param": "page", "has_more": "body.more"}},
            "resources": {
                "things": {
                    "list": {"method": "get", "path": "/things", "response_path": "items"},
                    "create": {"method": "post", "path": "/things"},
                },
                "others": {"list": {"method": "get", "path": "/others", "response_path": "items"}},
            },
        }
        self.files[f"{folder}/unified/m.yaml"] = {
            "resources": {
                "things": {
                    "list": {"response_mapping": self._mapping()},
                    "create": {
                        "request_body_mapping": {"a": "body.name", "b": self.random.choice(["body.email", "'x'"])},
                        "response_mapping": self._mapping(),
                    },
                },
                "others": {"record": "thing", "list": {"response_mapping": self._mapping()}},
            }
        }
        for resource in ("things", "others"):
            if resource == "things" or self.random.random() < 0.7:
                file = f"{folder}/recordings/m.{resource}.list.json"
                self.files[file] = self._listing(name, f"m.{resource}.list", f"/{resource}")
        if self.random.random() < 0.3:
            self.files[f"{folder}/recordings/things.list.json"] = self._listing(name, "things.list", "/things")
        if self.random.random() < 0.8:
            self.files[f"{folder}/recordings/m.things.create.json"] = self._creation(name)

    def _mapping(self) -> dict[str, str]:
        chosen = self.random.sample(FIELDS, self.random.randint(1, len(FIELDS)))
        return {"id": "response.id", **{name: self.random.choice(LEAVES) for name in chosen}}

    def _recording(self, name: str, operation: str, call: dict[str, Any], exchanges: list[Any]) -> dict[str, Any]:
        return {
            "format": 1,
            "connector": name,
            "operation": operation,
            "source": "sample",
            "recorded_at": "2026-01-01T00:00:00Z",
            "base_url": f"https://{name}.example.com",
            "call": call,
            "exchanges": exchanges,
        }

    def _listing(self, name: str, operation: str, path: str) -> dict[str, Any]:
        number = 0
        exchanges = []
        for page in (1, 2):
            items = []
            for _ in range(self.random.randint(1, 3)):
                number += 1
                items.append(self._record(number))
            request = {"method": "GET", "url": f"https://{name}.example.com{path}", "query": {"page": str(page)}}
            exchanges.append(
                {"request": request, "response": {"status": 200, "body": {"items": items, "more": page < 2}}}
            )
        return self._recording(name, operation, {}, exchanges)

    def _creation(self, name: str) -> dict[str, Any]:
        mapped = self.files[f"connectors/{name}/unified/m.yaml"]["resources"]["things"]["create"]
        second = "e" if mapped["request_body_mapping"]["b"] == "body.email" else "x"
        request = {"method": "POST", "url": f"https://{name}.example.com/things", "body": {"a": "n", "b": second}}
        answer = {"status": 201, "body": self._record(1)}
        call = {"body": {"name": "n", "email": "e"}}
        return self._recording(name, "m.things.create", call, [{"request": request, "response": answer}])

    def _record(self, number: int) -> dict[str, Any]:
        record: dict[str, Any] = {"id": str(number), "a": f"a{number}", "num": number, "list": [number]}
        if self.random.random() < 0.8:
            record["b"] = f"b{number}"
        if self.random.random() < 0.5:
            record["n"] = {"c": f"c{number}"}
        return record

    def _override(self, chance: float) -> dict[str, Any]:
        random = self.random
        override: dict[str, Any] = {}
        if random.random() < chance:
            mapping: Any = {random.choice(FIELDS): random.choice([*LEAVES, None])}
            kind = random.random()
            if kind < 0.2:
                mapping = {"replace": {"id": "response.id", "name": "response.a"}}
            elif kind < 0.4:
                mapping = '{"city": $base.name, "score": response.num}'
            override["unified"] = {"m": {random.choice(["things", "others"]): {"list": {"response_mapping": mapping}}}}
        if random.random() < chance / 3:
            override["headers"] = {"X-Version": "2"}
        if random.random() < chance / 4:
            override["resources"] = {"things": {"list": {"path": "/things2"}}}
        return override

    def _account(self, number: int) -> dict[str, Any]:
        account: dict[str, Any] = {"connector": self.random.choice(CONNECTORS)}
        if self.random.random() < 0.5:
            account["context"] = {"region": self.random.choice(["eu-", "us-"]), "unread": number}
        override = self._override(0.5)
        if override:
            account["override"] = override
        return account

    def changed(self) -> "Generated":
        """A copy with one to three changes."""
        other = Generated.__new__(Generated)
        other.random, other.files = self.random, copy.deepcopy(self.files)
        changes: list[Callable[[], None]] = [
            other._change_leaf, other._change_leaf, other._drop_field, other._change_connector, other._change_account,
            other._change_environment, other._change_set_of_accounts, other._change_body, other._change_headers,
        ]  # fmt: skip
        for _ in range(self.random.randint(1, 3)):
            self.random.choice(changes)()
        return other

    def _some_mapping(self) -> dict[str, str]:
        document = self.files[f"connectors/{self.random.choice(CONNECTORS)}/unified/m.yaml"]["resources"]
        resource, method = self.random.choice([("things", "list"), ("things", "create"), ("others", "list")])
        return document[resource][method]["response_mapping"]

    def _change_leaf(self) -> None:
        mapping = self._some_mapping()
        mapping[self.random.choice([*mapping, *FIELDS])] = self.random.choice(LEAVES)

    def _drop_field(self) -> None:
        mapping = self._some_mapping()
        mapping.pop(self.random.choice(list(mapping)))

    def _change_connector(self) -> None:
        document = self.files[f"connectors/{self.random.choice(CONNECTORS)}/connector.yaml"]
        part = self.random.randrange(5)
        if part == 0:
            document["headers"]["X-Version"] = "3"
        elif part == 1:
            document["resources"]["others"]["list"]["path"] = "/others2"
        elif part == 2:
            document["resources"]["things"]["list"]["record_filter"] = "record.num > 1"
        elif part == 3:
            document["base_url"] += "/v2"
        else:
            document["label"] = "A label changes nothing"

    def _change_body(self) -> None:
        document = self.files[f"connectors/{self.random.choice(CONNECTORS)}/unified/m.yaml"]["resources"]
        document["things"]["create"]["request_body_mapping"]["b"] = "'other'"

    def _change_headers(self) -> None:
        folder = f"connectors/{self.random.choice(CONNECTORS)}"
        connector = self.files[f"{folder}/connector.yaml"]
        things, others = connector["resources"]["things"], connector["resources"]["others"]
        holder = self.random.choice([connector, things, others["list"]])
        unified = self.files[f"{folder}/unified/m.yaml"]["resources"]["things"][self.random.choice(["list", "create"])]
        match self.random.randrange(4):
            case 0:
                name = self.random.choice(["X-Version", "x-version", "X-Region", "X-Api-Key"])
                holder["headers"] = {name: self.random.choice(["4", None, "{{context.region}}"])}
            case 1:
                holder["authorization"] = {"format": "header", "config": {"name": "X-Version", "value": "7"}}
            case 2:
                unified["request_header_mapping"] = {"X-Version": "'5'", "X-Region": "context.region"}
            case _:
                made = ["{'X-Version': '6'}", "$merge([{'X-Day': $now()}])", "{'X-Id': $uuid()}"]
                unified["request_header_mapping"] = self.random.choice(made)

    def _accounts(self) -> list[str]:
        return [name for name in self.files if name.startswith("accounts/")]

    def _change_account(self) -> None:
        account = self.files[self.random.choice(self._accounts())]
        account["override"] = self._override(0.9)

    def _change_environment(self) -> None:
        self.files["environments/production.yaml"] = {"connectors": {"alpha": self._override(0.9)}}

    def _change_set_of_accounts(self) -> None:
        if self.random.random() < 0.5:
            self.files["accounts/new.yaml"] = self._account(99)
        elif len(self._accounts()) > 1:
            del self.files[self._accounts()[0]]

    def write(self, folder: Path) -> Path:
        """The workspace in a folder that is not there yet."""
        for name, data in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(data), encoding="utf-8")
        return folder


@pytest.fixture
def generated() -> Callable[[int], tuple[Generated, Generated]]:
    """Both sides of a random change, by seed."""

    def make(seed: int) -> tuple[Generated, Generated]:
        before = Generated(Random(seed))
        return before, before.changed()

    return make
