"""A release for a part of the accounts: who uses it, what is checked, and how it ends."""

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from desks import CRM, FILES, UNIFIED, Desk, movement

from conn_engine.errors import UsageError
from conn_engine.releases import ReleaseSource, StoreUnreachableError
from conn_engine.releases.actors import Act
from conn_engine.releases.cohorts import Cohort
from conn_engine.releases.model import Channel, Rollout
from conn_engine.releases.promotion import promote
from conn_engine.releases.rollouts import halt_rollout, pin_account, resume_rollout, roll_back, unpin_account
from conn_engine.releases.store import Store
from conn_engine.wire import FrozenClock

NOW = 1_795_000_000.0
DAY = 86_400.0
ADA = Act("ada", NOW)
NICK = UNIFIED.replace("response.name", "response.nick")


def write_release(desk: Desk, store: Store, **more: str) -> str:
    """Store the folder as a release after a change of some files, without checks."""
    for path, text in more.items():
        desk.write(path, text)
    return desk.release(store)


@pytest.fixture
def stores(file_desk: Desk) -> Iterator[Store]:
    with file_desk.store() as store:
        yield store


@pytest.fixture
def pair(file_desk: Desk, stores: Store) -> tuple[str, str]:
    """Two releases, of which production serves the first. The second takes the name from elsewhere."""
    file_desk.write("accounts/acme.yaml", "connector: demo\ntags: [beta]\n")
    first = write_release(file_desk, stores)
    file_desk.serve(stores, first)
    second = write_release(file_desk, stores, **{CRM: NICK})
    return first, second


def open_source(desk: Desk, clock: FrozenClock | None = None) -> ReleaseSource:
    return ReleaseSource(
        desk.address, "production", check_milliseconds=0, identity="x", clock=clock or FrozenClock(NOW)
    )


def find_release(source: ReleaseSource, account: str) -> str:
    return source.current().workspace.of_account(account).release


def read_name(source: ReleaseSource, account: str) -> str:
    """Return the expression that an account's contacts have their first name from."""
    return "nick" if "response.nick" in repr(source.effective(account).data) else "name"


class TestCohorts:
    def test_a_higher_percentage_only_adds_accounts(self):
        names = [f"account-{number}" for number in range(2_000)]
        draw = random.Random(7)
        for _ in range(20):
            seed = f"production-{draw.randrange(1_000)}"
            low, high = sorted(draw.uniform(0, 100) for _ in range(2))
            small, large = (
                {name for name in names if Cohort(percent=percent).has_member(name, seed, list)}
                for percent in (low, high)
            )
            assert small <= large
            assert abs(len(large) - 20 * high) < 150

    def test_each_rollout_starts_with_other_accounts(self):
        names = [f"account-{number}" for number in range(500)]
        chosen = [
            {name for name in names if Cohort(percent=10).has_member(name, f"production-{number}", list)}
            for number in range(4)
        ]
        assert len(chosen[0] & chosen[1] & chosen[2] & chosen[3]) < 3

    @pytest.mark.parametrize(
        ("cohort", "expected"),
        [
            (Cohort(), "abc"),
            (Cohort(percent=100), "abc"),
            (Cohort(percent=0), ""),
            (Cohort(("a",)), "a"),
            (Cohort(tags=("beta",)), "b"),
            (Cohort(("a",), ("beta",)), "ab"),
            (Cohort(("a",), percent=0), "a"),
            (Cohort(tags=("beta",), percent=0), ""),
            (Cohort(tags=("other",), percent=100), ""),
        ],
    )
    def test_who_is_in_it(self, cohort: Cohort, expected: str):
        tags = {"a": (), "b": ("beta",), "c": ("gamma",)}
        assert "".join(name for name in tags if cohort.has_member(name, "s", lambda n=name: tags[n])) == expected

    def test_it_is_described(self):
        assert Cohort(percent=10).describe() == "10% of the accounts"
        assert Cohort(("acme",)).describe() == "acme"
        assert Cohort(tags=("beta", "new"), percent=2.5).describe() == "2.5% of the accounts with the tag beta or new"
        assert Cohort(("acme",), ("beta",)).describe() == "acme, and every account with the tag beta"


class TestPromotion:
    def test_only_the_cohort_uses_the_release_and_only_it_is_compared(self, file_desk, stores, pair):
        done = promote(stores, pair[1], "production", ADA, cohort=Cohort(tags=("beta",)), override="nick has no golden")
        assert (done.members, done.joined) == (["acme"], ["acme"])
        assert done.impact is not None
        assert [account.name for account in done.impact.accounts] == ["acme"]
        channel = stores.channel("production")
        assert channel.release == pair[0]
        assert channel.rollout == Rollout("production-2", pair[1], Cohort(tags=("beta",)), ADA.time)
        with open_source(file_desk) as source:
            assert [find_release(source, name) for name in ("acme", "globex")] == [pair[1], pair[0]]
            assert [read_name(source, name) for name in ("acme", "globex")] == ["nick", "name"]
            assert source.find_workspace(pair[1]) is source.current().workspace.of_account("acme")

    def test_it_is_extended_and_completed(self, file_desk, stores, pair):
        promote(stores, pair[1], "production", ADA, cohort=Cohort(("acme",)), override="test")
        with open_source(file_desk) as source:
            assert source.find_workspace(pair[1])
            more = promote(stores, pair[1], "production", ADA, cohort=Cohort(("acme", "globex")), override="test")
            assert more.joined == ["globex"]
            assert more.rollout.seed == "production-2"
            assert promote(stores, pair[1], "production", ADA, cohort=Cohort(("acme", "globex"))).already
            assert read_name(source, "globex") == "nick"
            promote(stores, pair[1], "production", ADA, override="test")
            assert stores.channel("production") == Channel("production", pair[1], 4)
            assert source.current().release == pair[1]
        assert [move.kind for move in stores.history("production")] == ["promote", "rollout", "rollout", "promote"]
        assert stores.history("production")[1].rollout == more.rollout

    def test_100_percent_completes_it(self, stores, pair):
        promote(stores, pair[1], "production", ADA, cohort=Cohort(("acme",)), override="test")
        promote(stores, pair[1], "production", ADA, cohort=Cohort(percent=100), override="test")
        assert stores.channel("production") == Channel("production", pair[1], 3)

    def test_an_account_that_is_gone_does_not_stop_it(self, file_desk, stores, pair):
        promote(stores, pair[1], "production", ADA, cohort=Cohort(("acme",)), override="test")
        rollout = replace(stores.channel("production").rollout, cohort=Cohort(("acme", "former")))
        stores.move(replace(movement("production", 3, pair[0], pair[0]), kind="rollout", rollout=rollout))
        done = promote(stores, pair[1], "production", ADA, cohort=Cohort(("acme", "globex")), override="test")
        assert done.joined == ["globex"]

    @pytest.mark.parametrize(
        ("cohort", "message"),
        [
            (Cohort(percent=0.000001), "the rollout selects no account"),
            (Cohort(tags=("betta",)), 'no account has the tag "betta"'),
            (Cohort(("acmee",)), 'unknown account "acmee"'),
        ],
    )
    def test_a_cohort_without_accounts_is_refused(self, stores, pair, cohort, message):
        with pytest.raises(UsageError, match=message) as caught:
            promote(stores, pair[1], "production", ADA, cohort=cohort)
        assert caught.value.hint
        assert stores.channel("production").revision == 1

    def test_a_tag_in_a_workspace_without_tags(self, file_desk, stores):
        file_desk.serve(stores, write_release(file_desk, stores))
        second = write_release(file_desk, stores, **{CRM: NICK})
        with pytest.raises(UsageError, match='no account has the tag "beta"') as caught:
            promote(stores, second, "production", ADA, cohort=Cohort(tags=("beta",)))
        assert caught.value.hint == "give accounts tags: [NAME] in accounts/*.yaml"

    def test_one_at_a_time(self, file_desk, stores, pair):
        promote(stores, pair[1], "production", ADA, cohort=Cohort(("acme",)), override="test")
        third = write_release(file_desk, stores, **{CRM: UNIFIED.replace("response.name", "response.other")})
        for cohort in (Cohort(), Cohort(percent=50)):
            with pytest.raises(UsageError, match=f"a rollout is on: production serves release {pair[1][:12]} to acme"):
                promote(stores, third, "production", ADA, cohort=cohort)

    def test_the_first_release_is_for_everyone(self, stores, pair):
        with pytest.raises(UsageError, match="staging serves no release yet"):
            promote(stores, pair[1], "staging", ADA, cohort=Cohort(percent=50))

    def test_an_account_that_the_release_lacks_stays(self, file_desk, stores, pair):
        (file_desk.root / "accounts/acme.yaml").unlink()
        third = file_desk.release(stores)
        with pytest.raises(UsageError, match="has no account acme, which the rollout selects"):
            promote(stores, third, "production", ADA, cohort=Cohort(("acme",)))

    def test_a_shadow_is_served_to_nobody(self, file_desk, stores, pair):
        done = promote(stores, pair[1], "production", ADA, cohort=Cohort(percent=0), override="test")
        assert done.impact is None
        with open_source(file_desk) as source:
            assert find_release(source, "acme") == pair[0]
        promote(stores, pair[1], "production", ADA, cohort=Cohort(("acme",)), override="test")
        assert stores.channel("production").rollout.cohort == Cohort(("acme",))


class TestOneConnector:
    @pytest.fixture
    def releases(self, file_desk: Desk, stores: Store) -> tuple[str, str]:
        """Two releases that differ in two connectors, an account, and the models."""
        other = {
            path.replace("demo", "other"): text.replace("demo", "other")
            for path, text in FILES.items()
            if "demo" in path
        }
        file_desk.write("conn.yaml", "version: 1\nmodels: [models]\n")
        file_desk.write("models/other/contact.schema.json", "{}")
        first = write_release(file_desk, stores, **other)
        file_desk.serve(stores, first)
        changes = {CRM: NICK, CRM.replace("demo", "other"): NICK, "accounts/globex.yaml": "connector: other\n"}
        return first, write_release(file_desk, stores, **changes)

    def test_everything_else_stays(self, stores, releases):
        first, second = releases
        promote(stores, second, "production", ADA, connector="demo", override="test")
        channel = stores.channel("production")
        old, new, now = (stores.manifest(release).files for release in (first, second, channel.release))
        assert {path for path in now if now[path] != old.get(path)} == {CRM}
        assert now[CRM] == new[CRM]
        assert stores.release(channel.release).message == (
            f"release {first[:12]} with the connector demo of {second[:12]}"
        )
        assert promote(stores, second, "production", ADA, connector="demo").already
        roll_back(stores, "production", ADA)
        assert stores.channel("production").release == first

    def test_it_can_be_for_some_accounts(self, file_desk, stores, releases):
        promote(stores, releases[1], "production", ADA, connector="demo", cohort=Cohort(("acme",)), override="test")
        with open_source(file_desk) as source:
            assert [read_name(source, name) for name in ("acme", "globex")] == ["nick", "name"]
        promote(stores, releases[1], "production", ADA, connector="demo", override="test")
        assert stores.channel("production").rollout is None

    def test_an_unknown_connector(self, stores, releases):
        with pytest.raises(UsageError, match=r'has no connector "dema"') as caught:
            promote(stores, releases[1], "production", ADA, connector="dema")
        assert 'did you mean "demo"?' in caught.value.hint

    def test_models_that_others_use_too_are_promoted_together(self, file_desk, stores, releases):
        third = write_release(file_desk, stores, **{"models/crm/contact.schema.json": "{}"})
        with pytest.raises(UsageError, match='the connector "demo" maps to the model crm, which') as caught:
            promote(stores, third, "production", ADA, connector="demo")
        assert f"conn promote {third[:12]} production" in caught.value.hint


class TestEndings:
    def test_a_rollback_ends_the_rollout_first(self, file_desk, stores, pair):
        promote(stores, pair[1], "production", ADA, cohort=Cohort(("acme",)), override="test")
        with open_source(file_desk) as source:
            assert read_name(source, "acme") == "nick"
            assert roll_back(stores, "production", ADA).release == pair[0]
            assert read_name(source, "acme") == "name"
        with pytest.raises(UsageError, match="has served nothing before") as caught:
            roll_back(stores, "production", ADA)
        assert "conn promote RELEASE production" in caught.value.hint, "there is no other one to return to"

    def test_one_that_is_halted_is_served_to_nobody_until_a_person_resumes_it(self, file_desk, stores, pair):
        promote(stores, pair[1], "production", ADA, cohort=Cohort(("acme",)), override="test")
        with open_source(file_desk) as source, open_source(file_desk) as replica:
            source.move(lambda channel: halt_rollout(channel, "12% of calls failed", Act("conn serve", NOW)))
            assert [read_name(one, "acme") for one in (source, replica)] == ["name", "name"]
            assert stores.history("production")[0].reason == "12% of calls failed"
            for cohort in (Cohort(), Cohort(("acme", "globex"))):
                with pytest.raises(UsageError, match="was halted: 12% of calls failed"):
                    promote(stores, pair[1], "production", ADA, cohort=cohort)
            with pytest.raises(UsageError, match="needs a reason"):
                resume_rollout(stores.channel("production"), " ", ADA)
            stores.move(resume_rollout(stores.channel("production"), "the vendor was down", ADA))
            assert [read_name(one, "acme") for one in (source, replica)] == ["nick", "nick"]

    def test_a_pin_keeps_an_account_at_its_release_until_it_ends(self, file_desk, stores, pair, caplog):
        clock = FrozenClock(NOW)
        pin = pin_account(stores.channel("production"), "acme", NOW + DAY, "trade fair", ADA, ["acme", "globex"])
        stores.move(pin)
        promote(stores, pair[1], "production", ADA, override="test")
        with open_source(file_desk, clock) as source:
            assert [read_name(source, name) for name in ("acme", "globex")] == ["name", "nick"]
            before = source.current()
            clock.sleep(DAY)
            assert [read_name(source, name) for name in ("acme", "globex")] == ["nick", "nick"]
            assert source.current().key != before.key
            assert source.current() is source.current()
        assert caplog.messages == [f'the pin of "acme" to release {pair[0][:12]} ended at 2026-11-19T11:06:40Z']
        assert stores.channel("production").pins[0].reason == "trade fair"  # it is seen until a person removes it
        stores.move(unpin_account(stores.channel("production"), "acme", "", ADA))
        assert stores.channel("production").pins == ()

    def test_a_pin_ends_while_the_store_does_not_respond(self, file_desk, stores, pair, monkeypatch):
        clock = FrozenClock(NOW)
        stores.move(pin_account(stores.channel("production"), "acme", NOW + DAY, "fair", ADA, ["acme"]))
        promote(stores, pair[1], "production", ADA, override="test")
        with open_source(file_desk, clock) as source:
            assert read_name(source, "acme") == "name"

            def fail(name: str) -> Channel:
                raise StoreUnreachableError(f"no answer about {name}")

            monkeypatch.setattr(source._store, "channel", fail)
            clock.sleep(DAY)
            assert read_name(source, "acme") == "nick"
            assert source.fault is not None

    def test_a_pin_is_before_a_rollout(self, file_desk, stores, pair):
        stores.move(pin_account(stores.channel("production"), "acme", NOW + DAY, "fair", ADA, ["acme"]))
        promote(stores, pair[1], "production", ADA, cohort=Cohort(("acme", "globex")), override="test")
        with open_source(file_desk) as source:
            assert [read_name(source, name) for name in ("acme", "globex")] == ["name", "nick"]

    def test_what_cannot_be_done(self, stores, pair):
        channel = stores.channel("production")
        with pytest.raises(UsageError, match="in the past"):
            pin_account(channel, "acme", NOW, "why", ADA, ["acme"])
        with pytest.raises(UsageError, match="needs a reason"):
            pin_account(channel, "acme", NOW + 1, "", ADA, ["acme"])
        with pytest.raises(UsageError, match='unknown account "acm"'):
            pin_account(channel, "acm", NOW + 1, "why", ADA, ["acme"])
        with pytest.raises(UsageError, match="has no pin"):
            unpin_account(channel, "acme", "", ADA)
        for intervene in (halt_rollout, resume_rollout):
            with pytest.raises(UsageError, match="no rollout is on"):
                intervene(channel, "why", ADA)
