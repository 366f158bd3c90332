"""A small connector that meets every rule of `conn check`, as somebody else would submit it, and a repository of it."""

import copy
import json
import re
from pathlib import Path

import launching

from conn_cli.scaffold import create_connector, create_workspace

__all__ = ["commit", "create_repository", "create_submission", "run_git"]

LISTING = "crm.contacts.list.json"


def create_submission(place: Path, name: str = "shop") -> Path:
    """Create the connector in a workspace at `place`, and return its folder."""
    create_workspace(place)
    create_connector(place, name)
    folder = place / "connectors" / name
    path = folder / "connector.yaml"
    path.write_text(re.sub(r"(?m)^label:", "license: MIT\nlabel:", path.read_text(), count=1))
    readme = folder / "README.md"
    readme.write_text(readme.read_text() + "\n## Credentials\n\nCreate a key.\n\n## Pitfalls\n\nNone are known.\n")
    _add_page(folder)
    return folder


def _add_page(folder: Path) -> None:
    """Give the listing a third page: the second one again, with another cursor."""
    recorded, golden = folder / "recordings" / LISTING, folder / "expected" / LISTING
    data = json.loads(recorded.read_text())
    second = data["exchanges"][1]
    third = copy.deepcopy(second)
    second["response"]["body"]["paging"]["next"] = "c3"
    third["request"]["query"]["cursor"] = "c3"
    third["response"]["body"]["data"][0]["id"] = 4
    data["exchanges"].append(third)
    recorded.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    expected = json.loads(golden.read_text())
    expected["records"].append(dict(expected["records"][-1], id="4"))
    request = copy.deepcopy(expected["requests"][-1])
    golden.write_text(json.dumps(_with_request(expected, request), indent=2, ensure_ascii=False) + "\n")


def _with_request(expected, request):
    text = json.dumps(request).replace("c2", "c3")
    expected["requests"].append(json.loads(text))
    return expected


def run_git(folder: Path, *arguments: str) -> str:
    """Run git on a repository of a test, with a fixed author and nothing of the machine's settings."""
    command = ["git", "-c", "user.email=a@example.com", "-c", "user.name=A", "-c", "protocol.file.allow=always"]
    done = launching.run([*command, *arguments], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode().strip()


def create_repository(place: Path, folder: Path) -> Path:
    """Create a repository with a connector's folder at `shop`, on the branch main."""
    place.mkdir(parents=True)
    run_git(place, "init", "-q", "-b", "main")
    run_git(place, "config", "uploadpack.allowAnySHA1InWant", "true")
    (place / "shop").mkdir()
    for path in folder.rglob("*"):
        if path.is_file():
            target = place / "shop" / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    commit(place, "first")
    return place


def commit(place: Path, message: str) -> str:
    """Commit everything, and return the commit's ID."""
    run_git(place, "add", "-A")
    run_git(place, "commit", "-qm", message)
    return run_git(place, "rev-parse", "HEAD")
