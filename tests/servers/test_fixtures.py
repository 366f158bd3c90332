"""The servers themselves, without the engine: each must really do what the other tests here rely on."""

import re
from pathlib import Path

import httpx
import pytest
from processes import cache
from processes import oidc as oidcs
from processes.backlot import Backlot
from processes.corpus import CONTACTS, ISSUES
from processes.kinto import Kinto
from processes.nginx import Nginx
from processes.oidc import Oidc
from processes.process import ServerFailed, free_port, running
from processes.specs import spec
from processes.witness import Witness
from processes.workspace import workspace

CONTACTS_PATH = "/hubspot/crm/v3/objects/contacts"


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_backlot_checks_tokens(backlot: Backlot) -> None:
    url = f"{backlot.url}{CONTACTS_PATH}?limit=1"
    assert httpx.get(url, headers=bearer("wrong")).status_code == 401
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, headers=bearer(backlot.tokens["ava@acme.com"])).status_code == 200


def test_backlot_lets_dana_see_one_more(backlot: Backlot) -> None:
    def count(person: str) -> int:
        seen, after = 0, ""
        while True:
            query = {"limit": "100", **({"after": after} if after else {})}
            body = httpx.get(
                f"{backlot.url}{CONTACTS_PATH}", params=query, headers=bearer(backlot.tokens[person])
            ).json()
            seen += len(body["results"])
            after = body.get("paging", {}).get("next", {}).get("after", "")
            if not after:
                return seen

    assert count("ava@acme.com") == CONTACTS
    assert count("dana@acme.com") == CONTACTS + 1


def test_backlot_links_issue_pages(backlot: Backlot) -> None:
    headers = bearer(backlot.tokens["ava@acme.com"])
    url, numbers = f"{backlot.url}/github/repos/acme/crm/issues?state=all&per_page=100", []
    pages = 0
    while url:
        answer = httpx.get(url, headers=headers)
        numbers += [issue["number"] for issue in answer.json()]
        url = answer.links.get("next", {}).get("url", "")
        pages += 1
    assert pages == 3
    assert sorted(numbers) == list(range(1, ISSUES + 1))


def test_kinto_pages_by_header(kinto: Kinto) -> None:
    name = kinto.collection(records=1_200)
    url, seen = f"{kinto.url}/v1/buckets/crm/collections/{name}/records?_limit=500", 0
    sizes = []
    while url:
        answer = httpx.get(url, auth=kinto.auth)
        sizes.append(len(answer.json()["data"]))
        seen += sizes[-1]
        url = answer.headers.get("next-page", "")
    assert (sizes, seen) == ([500, 500, 200], 1_200)


def test_kinto_refuses_a_wrong_password(kinto: Kinto) -> None:
    answer = httpx.get(f"{kinto.url}/v1/buckets/crm/collections", auth=httpx.BasicAuth(kinto.user, "wrong"))
    assert answer.status_code == 401


def test_nginx_passes_on_and_keeps_the_host(nginx: Nginx, kinto: Kinto) -> None:
    name = kinto.collection(records=3)
    path = f"/v1/buckets/crm/collections/{name}/records?_limit=2"
    answer = httpx.get(f"http://127.0.0.1:{nginx.open}{path}", auth=kinto.auth)
    assert len(answer.json()["data"]) == 2
    assert answer.headers["next-page"].startswith(f"http://127.0.0.1:{nginx.open}/v1/")


def test_nginx_redirects_on_its_own_origin(nginx: Nginx, kinto: Kinto) -> None:
    answer = httpx.get(f"http://127.0.0.1:{nginx.open}/moved/v1/?a=b", auth=kinto.auth)
    assert (answer.status_code, answer.headers["location"]) == (308, "/v1/?a=b")


def test_nginx_limits(nginx: Nginx, kinto: Kinto) -> None:
    answers = [httpx.get(f"http://127.0.0.1:{nginx.limited}/v1/", headers=bearer("limit-me")) for _ in range(12)]
    limited = [answer for answer in answers if answer.status_code == 429]
    assert limited
    assert limited[0].headers["retry-after"] == "1"
    assert limited[0].json() == {"error": "rate_limited"}
    assert answers[0].status_code != 429


def test_nginx_redirects_to_a_stranger(nginx: Nginx, stranger: Witness) -> None:
    stranger.seen.clear()
    answer = httpx.post(f"http://127.0.0.1:{nginx.redirects}/a?b=c", json={"d": 1}, follow_redirects=True)
    assert answer.status_code == 200
    (seen,) = stranger.seen
    assert (seen.method, seen.target, seen.body) == ("POST", "/a?b=c", b'{"d":1}')
    assert seen.headers["host"].startswith("localhost:")


def test_oidc_rotates_and_punishes_reuse(oidc: Oidc) -> None:
    first = oidc.sign_in(oidcs.BASIC, "ada")
    assert oidc.userinfo(first["access_token"]).json()["sub"] == "ada"
    second = oidc.token(oidcs.BASIC, grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert oidc.userinfo(second["access_token"]).status_code == 200
    again = oidc.token(oidcs.BASIC, grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert oidc.userinfo(second["access_token"]).status_code == 401


def test_oidc_takes_a_secret_in_the_body_and_a_machine(oidc: Oidc) -> None:
    assert oidc.sign_in(oidcs.POST, "bob")["refresh_token"]
    machine = oidc.token(oidcs.MACHINE, grant_type="client_credentials", scope="api:read").json()
    assert machine["token_type"] == "Bearer"
    assert oidc.introspect(oidcs.MACHINE, machine["access_token"])["active"] is True


GOOD_PERSON = {"name": "Ada", "emails": [{"value": "ada@example.com", "primary": True}]}


def test_steady_judges_requests(judge) -> None:
    bench = judge("steady", "pipedrive-v2.yaml", "/api/v2")
    assert httpx.get(f"{bench.url}/api/v2/persons?limit=10").status_code == 200
    assert httpx.post(f"{bench.url}/persons", json=GOOD_PERSON).status_code == 200
    assert bench.faults() == []
    assert httpx.get(f"{bench.url}/persons?limit=ten").status_code == 400
    assert httpx.get(f"{bench.url}/persons?limit=10&nope=1").status_code == 200
    assert httpx.post(f"{bench.url}/persons", json={"name": 12}).status_code == 400
    assert httpx.get(f"{bench.url}/nowhere").status_code == 404
    codes = [fault.split(": ")[1].split()[0] for fault in bench.faults()]
    assert codes == ["E3003", "E3015", "E3008", "E2001"]


def test_prism_judges_requests_and_credentials(judge) -> None:
    bench = judge("prism", "pipedrive-v2.yaml", "/api/v2")
    key = {"x-api-token": "any"}
    assert httpx.get(f"{bench.url}/persons?limit=10", headers=key).status_code == 200
    assert httpx.post(f"{bench.url}/persons", json=GOOD_PERSON, headers=key).status_code == 200
    assert bench.faults() == []
    assert httpx.get(f"{bench.url}/persons?limit=ten", headers=key).status_code == 422
    assert httpx.get(f"{bench.url}/persons?limit=10").status_code == 401
    faults = bench.faults()
    assert len(faults) == 2
    assert "must be integer" in faults[0]
    assert "Invalid security scheme used" in faults[1]


def test_hubspot_contract_on_both_judges(judge) -> None:
    path = "/crm/v3/objects/contacts"
    good = {"properties": {"email": "a@example.com"}, "associations": []}
    for kind in ("steady", "prism"):
        bench = judge(kind, "hubspot-crm-contacts-v3.json", "")
        with httpx.Client(base_url=bench.url, headers=bearer("any")) as client:
            assert client.get(path, params={"limit": 10}).status_code == 200
            assert client.post(path, json=good).status_code == 201
            assert client.delete(f"{path}/1").status_code == 204
            assert bench.faults() == []
            assert client.post(path, json={"props": {}}).status_code >= 400
            assert len(bench.faults()) >= 1, kind


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    command = ["sh", "-c", "echo no such luck; exit 3"]
    url = f"http://127.0.0.1:{free_port()}/"
    said = r"broken ended with status 3 .*\n.*\n.*\n.*no such luck"
    with pytest.raises(ServerFailed, match=said), running("broken", command, url=url, log=tmp_path / "log"):
        pass


def test_a_missing_tool_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ServerFailed, match=r"`node` is not on PATH\. Install Node"):
        cache.node_modules("oidc-provider", oidcs.VERSION)


def test_a_workspace_leads_nowhere_by_accident(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="issuer"):
        workspace(tmp_path, "oidc", api=1)


def test_a_missing_document_says_how_to_provide_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CONN_VENDOR_SPECS", str(tmp_path))
    with pytest.raises(ServerFailed, match=r"pipedrive-v2.yaml is not in .*set CONN_VENDOR_SPECS"):
        spec("pipedrive-v2.yaml")


def test_every_trap_that_is_listed_is_tested() -> None:
    folder = Path(__file__).parent
    named = re.findall(r"(test_\w+\.py)::(test_\w+)", (folder / "README.md").read_text(encoding="utf-8"))
    assert len(named) > 30
    missing = [
        f"{file}::{test}" for file, test in named if f"def {test}(" not in (folder / file).read_text(encoding="utf-8")
    ]
    assert missing == []
