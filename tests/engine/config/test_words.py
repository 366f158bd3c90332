"""Settings have one name. Earlier and foreign names load, mean the same, and are never shown."""

from pathlib import Path
from typing import Any

import pytest

from conn_engine.auth.signing.algorithms import find_scheme
from conn_engine.config.convert import convert
from conn_engine.config.merge import QUOTA_KEYS, inherit, merge
from conn_engine.config.models import Configuration
from conn_engine.config.plans import Plan, compile_plan
from conn_engine.config.short_form import Spelling, expand, find_spellings
from conn_engine.config.validate import load_schema
from conn_engine.lint import lint_paths
from conn_engine.responses.ratelimit.settings import QuotaSettings, RateLimit
from conn_engine.schemas.kinds import find_kinds
from conn_engine.schemas.reference import find_references, format_key_table, format_reference, list_words


def listing(**settings: Any) -> dict[str, Any]:
    return {"resources": {"people": {"list": settings}}}


def paged(**settings: Any) -> dict[str, Any]:
    return {"pagination": settings}


def step(**settings: Any) -> dict[str, Any]:
    return {"connect": [{"name": "a", "transform": "1", **settings}]}


def verify(**settings: Any) -> dict[str, Any]:
    return {"webhooks": {"verify": {"format": "token", "token": "text", "key": "k", **settings}}}


def enrich(**settings: Any) -> dict[str, Any]:
    return listing(enrich=[{"name": "a", "request": {"path": "/a"}, **settings}])


RENAMED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (paged(format="offset", limit_param="n"), paged(format="offset", size_param="n")),
    (paged(format="offset", limit_body="/n"), paged(format="offset", size_body="/n")),
    (paged(format="next_url", next_url_header="X-Next"), paged(format="next_url", next_url_from_header="X-Next")),
    (paged(format="link_header", header="Links"), paged(format="link_header", link_from_header="Links")),
    (
        listing(incremental={"format": "integer", "cursor_field": "id"}),
        listing(incremental={"format": "integer", "record_cursor": "id"}),
    ),
    (
        listing(parents={"as": "a", "from": "a.list", "where": "record.x"}),
        listing(parents={"as": "a", "from": "a.list", "when": "record.x"}),
    ),
    (
        listing(parents={"as": "a", "union": [{"from": "a.list", "where": "record.x"}]}),
        listing(parents={"as": "a", "union": [{"from": "a.list", "when": "record.x"}]}),
    ),
    (enrich(where="record.x"), enrich(when="record.x")),
    (step(run_if="true"), step(when="true")),
    (verify(require="body.a"), verify(expect="body.a")),
    (
        {"webhooks": {"challenge": [{"when": "true", "require": "body.a"}]}},
        {"webhooks": {"challenge": [{"when": "true", "expect": "body.a"}]}},
    ),
]


@pytest.mark.parametrize(("earlier", "now"), RENAMED)
def test_an_earlier_name_means_the_same(earlier: dict[str, Any], now: dict[str, Any]) -> None:
    assert expand(earlier, Configuration)[0] == expand(now, Configuration)[0]
    assert find_spellings(now, Configuration) == []
    assert len(find_spellings(earlier, Configuration)) == 1


def test_an_earlier_name_is_found_where_it_is_written() -> None:
    data = {**paged(format="cursor", config={"cursor_path": "a", "page_size": 5}), **RENAMED[4][0]}
    assert find_spellings(data, Configuration) == [
        Spelling(("pagination", "config", "cursor_path"), "cursor_field"),
        Spelling(("pagination", "config", "page_size"), "size"),
        Spelling(("resources", "people", "list", "incremental", "cursor_field"), "record_cursor"),
    ]
    below = expand(paged(format="offset"), Configuration)[0]
    part = paged(limit_param="n")
    assert find_spellings(part, Configuration, below) == [Spelling(("pagination", "limit_param"), "size_param")]


def test_earlier_names_are_valid(tmp_path: Path) -> None:
    (tmp_path / "conn.yaml").write_text("version: 1\n")
    (tmp_path / "connectors/shop").mkdir(parents=True)
    (tmp_path / "connectors/shop/connector.yaml").write_text(
        "base_url: https://shop.example.com\n"
        "connect: [{name: a, run_if: context.b, transform: '1'}]\n"
        "resources:\n  people:\n    list:\n      method: get\n      path: /people\n      response_path: items\n"
        "      pagination: {format: offset, limit_param: n, size: 5}\n"
        "      incremental: {format: integer, cursor_field: id, start_param: since}\n"
    )
    assert lint_paths(tmp_path, []).findings == []


def test_other_names_are_valid_in_schemas_but_not_offered() -> None:
    marked = set()
    for name, model in load_schema("connector")["$defs"].items():
        for key, schema in model.get("properties", {}).items():
            if str(schema.get("description", "")).endswith("` instead."):
                marked.add((name, key))
                assert (schema["deprecated"], schema["doNotSuggest"]) == (True, True)
    assert ("Offset", "limit_param") in marked


def test_the_reference_names_each_setting_once() -> None:
    assert "connect#when" in find_references("run_if")
    assert "\nwhen" in format_reference("connect")
    aliases = {alias for kind in find_kinds().values() for key in kind.keys for alias in key.aliases}
    assert aliases > {"run_if", "where", "limit_param"}
    for name, kind in find_kinds().items():
        table, names = format_key_table(name), {key.name for key in kind.keys}
        assert not [
            alias for key in kind.keys for alias in key.aliases if f"\n| `{alias}` |" in table or alias in names
        ]
    assert not {"run_if", "limit_param", "next_url_header"} & set(list_words())


def test_no_other_name_is_the_name_of_another_setting_of_its_model() -> None:
    plans = list(find_plans(compile_plan(Configuration), set()))
    assert len(plans) > 50
    for struct in (struct for plan in plans for struct in plan.structs.values()):
        assert set(struct.aliases.values()) <= struct.fields.keys()
        assert not struct.aliases.keys() & struct.fields.keys()


def find_plans(plan: Plan | None, seen: set[int]) -> Any:
    if plan is None or id(plan) in seen:
        return
    seen.add(id(plan))
    yield plan
    for struct in plan.structs.values():
        for inner in (*struct.fields.values(), struct.rest_plan):
            yield from find_plans(inner, seen)
    for inner in (plan.item, plan.value):
        yield from find_plans(inner, seen)


def signature(format: str, **settings: Any) -> dict[str, Any]:  # noqa: A002
    return {"signature": {"format": format, **settings}}


@pytest.mark.parametrize("earlier", ["rsa", "ecdsa", "ed25519"])
class TestAnEarlierFormat:
    def test_means_the_new_one(self, earlier: str) -> None:
        now = {"signature": {"format": "public_key", "config": {"algorithm": earlier, "content": "x", "form": "pair"}}}
        flat = signature(earlier, content="x", form="pair")
        nested = {"signature": {"format": earlier, "config": {"content": "x", "form": "pair"}}}
        for document in (flat, nested):
            assert expand(document, Configuration)[0] == now
            assert find_spellings(document, Configuration) == [Spelling(("signature", "format"), "public_key")]
        assert find_spellings(now, Configuration) == []
        alone = {"webhooks": {"verify": earlier}}
        assert expand(alone, Configuration)[0]["webhooks"]["verify"] == {
            "format": "public_key",
            "config": {"algorithm": earlier},
        }

    def test_is_where_the_algorithm_is_written(self, earlier: str) -> None:
        places = expand(signature(earlier, content="x"), Configuration)[1]
        assert places.find(("signature", "config", "algorithm")) == ("signature", "format")
        assert places.find(("signature", "config", "content")) == ("signature", "content")

    def test_in_an_override_refines_what_is_below(self, earlier: str) -> None:
        names = {"rsa": "rsa-sha512", "ecdsa": "ecdsa-p384", "ed25519": "ed25519"}
        below = {"signature": {"format": "public_key", "config": {"algorithm": names[earlier], "content": "x"}}}
        above = expand(signature(earlier, content="y"), Configuration, below)[0]
        assert merge([below, above])["signature"]["config"] == {"algorithm": names[earlier], "content": "y"}

    def test_in_an_override_replaces_another_one(self, earlier: str) -> None:
        other = "ecdsa" if earlier == "rsa" else "rsa"
        below = expand(signature(other, content="x", digest="sha512", headers={"A": "b"}), Configuration)[0]
        above = expand(signature(earlier, content="y"), Configuration, below)[0]
        assert merge([below, above])["signature"]["config"] == {"algorithm": earlier, "content": "y"}

    def test_is_valid_but_not_offered(self, tmp_path: Path, earlier: str) -> None:
        (tmp_path / "conn.yaml").write_text("version: 1\n")
        (tmp_path / "connectors/shop").mkdir(parents=True)
        document = tmp_path / "connectors/shop/connector.yaml"
        rest = (
            "base_url: https://a.example.com\ncredentials: {format: none, ask: [{name: private_key}]}\nresources: {}\n"
        )
        document.write_text(f"{rest}signature: {{format: {earlier}, content: request.body, headers: {{X: a}}}}\n")
        assert lint_paths(tmp_path, []).findings == []
        document.write_text(f"{rest}signature: {{format: {earlier}x, content: request.body, headers: {{X: a}}}}\n")
        found = lint_paths(tmp_path, []).findings
        assert [finding.code for finding in found] == ["CFG105"]
        assert f"{earlier}," not in found[0].hint
        assert f'"{earlier}"' not in found[0].hint
        for kind in ("signature", "webhooks.verify"):
            assert f"{kind}.public_key" in find_references(earlier)


@pytest.mark.parametrize(
    ("settings", "scheme"),
    [
        ({"algorithm": "rsa-sha1"}, ("rsa_pkcs1v15", "sha1")),
        ({"algorithm": "rsa-pss-sha512"}, ("rsa_pss", "sha512")),
        ({"algorithm": "rsa", "padding": "pss", "digest": "sha384"}, ("rsa_pss", "sha384")),
        ({"algorithm": "rsa-pss-sha256", "padding": "pkcs1v15"}, ("rsa_pkcs1v15", "sha256")),
        ({"algorithm": "rsa-sha256", "digest": "sha1"}, ("rsa_pkcs1v15", "sha1")),
        ({"algorithm": "ecdsa"}, ("ecdsa_der", "sha256")),
        ({"algorithm": "ecdsa-p384", "form": "pair"}, ("ecdsa_pair", "sha384")),
        ({"algorithm": "ecdsa", "digest": "sha1"}, ("ecdsa_der", "sha1")),
        ({"algorithm": "ed25519"}, ("eddsa", "sha512")),
    ],
)
def test_what_an_algorithm_is(settings: dict[str, Any], scheme: tuple[str, str]) -> None:
    assert find_scheme(**{"digest": None, "padding": None, "form": "der", **settings}) == scheme


def test_advanced_settings_and_formats_are_marked_and_last() -> None:
    kinds = find_kinds()
    for name, kind in kinds.items():
        marks = [key.is_advanced for key in kind.keys]
        assert marks == sorted(marks), name
        for key in kind.keys:
            if name.startswith(("pagination.", "incremental.")) and key.name.endswith(("_header", "_form")):
                assert key.is_advanced == (not key.name.endswith("_from_header")), (name, key.name)
    marked = {(name, key.name) for name, kind in kinds.items() for key in kind.keys if key.is_advanced}
    needed = ("pagination#restart", "operation#chunk", "operation#recurse", "credentials.oauth2#introspect")
    assert marked >= {tuple(name.split("#")) for name in needed}
    assert [part.rpartition(".")[2] for part in kinds["pagination"].formats][-3:] == ["range", "dynamic", "nested"]
    assert "`restart` | object |  | Advanced. " in format_key_table("pagination")
    assert "Advanced. " in format_reference("pagination.range")


def test_schemas_describe_advanced_settings() -> None:
    definitions = load_schema("connector")["$defs"]
    described = definitions["PageNumber"]["properties"]
    assert described["page_header"]["description"].startswith("Advanced. ")
    assert list(described).index("page_header") > list(described).index("total_pages_field")
    strategy = definitions["PaginationStrategy"]["properties"]["format"]
    assert strategy["enum"][-3:] == ["range", "dynamic", "nested"]
    assert "records. Advanced." in strategy["description"] or "record. Advanced." in strategy["description"]


QUOTA = {"limit": "X-Limit", "reset": "X-Reset", "reset_unit": "epoch"}


def quotas_of(settings: Any) -> list[tuple[Any, ...]]:
    quotas = convert(settings, RateLimit).quotas()
    return [(quota.name, quota.limit, quota.reset, quota.reset_unit) for quota in quotas]


class TestTheOnlyWindow:
    """The settings of one quota may be those of `rate_limit` itself, as in earlier documents."""

    def test_means_the_same(self) -> None:
        assert quotas_of(QUOTA) == quotas_of({"windows": [QUOTA]}) == [("default", "X-Limit", "X-Reset", "epoch")]
        found = find_spellings({"rate_limit": QUOTA}, Configuration)
        assert [(item.path, item.name) for item in found] == [
            (("rate_limit", key), f"windows[0].{key}") for key in QUOTA
        ]
        assert find_spellings({"rate_limit": {"windows": [QUOTA]}}, Configuration) == []

    @pytest.mark.parametrize("base", [QUOTA, {"windows": [QUOTA]}])
    @pytest.mark.parametrize(
        ("override", "quotas"),
        [
            ({"reset": "X-Other"}, [("default", "X-Limit", "X-Other", "epoch")]),
            ({"name": "day"}, [("day", "X-Limit", "X-Reset", "epoch")]),
            ({"windows": [{"limit": "X-New"}]}, [("default", "X-New", None, "auto")]),
            ({"windows": [{"limit": "A"}, {"limit": "B"}]}, [("default", name, None, "auto") for name in "AB"]),
        ],
    )
    def test_is_overridden_in_both_forms(self, base: Any, override: Any, quotas: Any) -> None:
        levels = merge([{"rate_limit": base}, {"rate_limit": override}])
        assert quotas_of(levels["rate_limit"]) == quotas
        place = {"resources": {"people": {"list": {"rate_limit": base}}}}
        over = {"resources": {"people": {"list": {"rate_limit": override}}}}
        assert quotas_of(merge([place, over])["resources"]["people"]["list"]["rate_limit"]) == quotas
        assert quotas_of(inherit(base, override, path=("rate_limit",))) == quotas

    def test_of_several_is_none(self) -> None:
        several = {"windows": [{"limit": "A"}, {"limit": "B"}], "limit": "C"}
        assert [quota[1] for quota in quotas_of(several)] == ["A", "B"]

    def test_is_not_shown_elsewhere(self) -> None:
        assert set(QuotaSettings.__struct_fields__) == QUOTA_KEYS
        assert "`remaining`" not in format_key_table("rate_limit").replace("`slow_when_remaining`", "")
        assert find_references("reset_unit") == ["rate_limit.windows#reset_unit"]
        assert load_schema("connector")["$defs"]["RateLimit"]["properties"]["reset"]["deprecated"] is True
