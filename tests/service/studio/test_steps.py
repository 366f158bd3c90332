"""Steps before a request and after a mapping: read at every level, changed as one text, reviewed and saved."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from studio_bench import HOST, open_page, write_shop

STEPS = "- name: x\n  transform: '[result[mail]]'\n"
PATH = "/steps/acme/crm.contacts.list"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_shop(tmp_path)
    return tmp_path


@pytest.fixture
def client(root: Path) -> Iterator[TestClient]:
    client = open_page(root)
    yield client
    client.__exit__(None, None, None)


def read(client: TestClient, path: str = PATH, status: int = 200) -> tuple[str, dict[str, str]]:
    """Return the text of a page, and the hidden values of its form."""
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    return to_text(answer.text), find_values(answer.text)


def to_text(html: str) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)))


def find_values(html: str) -> dict[str, str]:
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', html))
    areas = dict(re.findall(r'<textarea[^>]*name="(\w+)"[^>]*>\n?(.*?)</textarea>', html, flags=re.DOTALL))
    return {name: unescape(text) for name, text in {**hidden, **areas}.items()}


def post(client: TestClient, form: str, values: dict[str, str], status: int = 200) -> str:
    answer = client.post(f"/steps/{form}", data=values, headers={"origin": f"http://{HOST}"}, follow_redirects=False)
    assert answer.status_code == status, answer.text
    return answer.headers.get("location", "") or answer.text


def test_steps_are_added_reviewed_saved_and_removed(client: TestClient, root: Path) -> None:
    before = (root / "accounts/acme.yaml").read_text()
    shown, form = read(client)
    assert "No level sets steps here." in shown
    review = post(client, "review", {**form, "after": "- name: x\r\n  transform: result[id = '2']\r\n"})
    assert "1 no longer returned" in to_text(review)
    assert "accounts/acme.yaml belongs to acme only: 1 account unchanged" in to_text(review)
    values = find_values(review)
    assert values["after"].replace("\r", "").strip() == "- name: x\n  transform: result[id = '2']"
    assert post(client, "save", values, 303) == f"{PATH}?level=account&saved=accounts/acme.yaml"
    text = (root / "accounts/acme.yaml").read_text()
    assert text.startswith(before) and "crm.contacts.list.after:" in text
    shown, form = read(client)
    assert form["after"].replace("\r", "").strip() == "- name: x\n  transform: result[id = '2']"
    values = find_values(post(client, "review", {**form, "after": ""}))
    post(client, "save", values, 303)
    assert (root / "accounts/acme.yaml").read_text() == before


def test_the_steps_of_every_level_are_readable_with_their_place(client: TestClient, root: Path) -> None:
    unified = root / "connectors/shop/unified/crm.yaml"
    unified.write_text(
        unified.read_text().replace(
            "{ resource: people }", '{ resource: people, after: [{ name: x, transform: "result" }] }'
        )
    )
    shown, form = read(client)
    assert "base connectors/shop/unified/crm.yaml:4" in shown
    review = to_text(post(client, "review", {**form, "after": "- name: x\n  transform: '[]'"}))
    assert "1 no longer returned" in review


def test_steps_with_comments_are_shown_and_not_changed(client: TestClient, root: Path) -> None:
    acme = root / "accounts/acme.yaml"
    text = acme.read_text() + "  crm.contacts.list.after:\n    # why\n    - name: x\n      transform: result\n"
    acme.write_text(text)
    shown, form = read(client)
    assert "These steps have comments, which would be lost. Change them in accounts/acme.yaml:4." in shown
    assert '<textarea id="after"' not in client.get(PATH).text
    assert "has comments in after" in post(client, "review", {**form, "after": "- name: x\n  transform: '[]'"}, 422)
    assert acme.read_text() == text


@pytest.mark.parametrize(
    ("after", "text"),
    [
        ("transform: result", "the steps of after are not a list"),
        ("- {", "the steps of after are not YAML"),
        ("- transfrm: result", "transfrm"),
        ("- name: x\n  transform: $nothing(", "mistake"),
    ],
)
def test_steps_with_a_mistake_cannot_be_saved(client: TestClient, root: Path, after: str, text: str) -> None:
    before = (root / "accounts/acme.yaml").read_text()
    _, form = read(client)
    form["after"] = after
    answer = client.post("/steps/review", data=form, headers={"origin": f"http://{HOST}"})
    assert text in unescape(answer.text)
    assert '<button class="primary">Save</button>' not in answer.text
    post(client, "save", form, 422)
    assert (root / "accounts/acme.yaml").read_text() == before


def test_an_environment_and_a_document_that_changed_meanwhile(client: TestClient, root: Path) -> None:
    (root / "environments").mkdir()
    (root / "environments/production.yaml").write_text("connectors: { shop: {} }\n")
    shown, form = read(client, f"{PATH}?level=environment")
    assert "environments/production.yaml is also for 1 other account." in shown
    form["after"] = STEPS
    (root / "environments/production.yaml").write_text("# somebody\nconnectors: { shop: {} }\n")
    assert "was changed by something else" in post(client, "save", form, 422)
    _, again = read(client, f"{PATH}?level=environment")
    post(client, "save", {**again, "before": "", "after": "- name: x\n  transform: result"}, 303)
    assert "after" in (root / "environments/production.yaml").read_text()


def test_a_read_only_page_shows_steps_and_saves_none(root: Path) -> None:
    client = open_page(root, "the page was started with --read-only")
    _, form = read(client)
    assert "nothing was saved" in post(client, "save", {**form, "after": STEPS}, 403)
    client.__exit__(None, None, None)
