"""Revisions in a database: their order, their differences, and two writers at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from conn_service.revisions import Revision, RevisionConflictError, RevisionStore, Subject
from conn_service.store import ServiceStoreError

ACME, SHOP = Subject("account", "acme"), Subject("connector", "shop")
PATH = "accounts/acme.yaml"


def add(store: RevisionStore, number: int, text: str | None, *, seen: int | None = None) -> Revision:
    files = {} if text is None else {PATH: text}
    earlier = store.find_latest(ACME)
    revision = Revision(ACME, number, files, "acme", "0123456789ab", 1.5, "a reason")
    previous = earlier.files if earlier is not None else {}
    return store.add(revision, previous, "put", seen=store.read_change() if seen is None else seen)


def test_the_history_of_an_account(store: RevisionStore) -> None:
    texts = ["connector: shop\n", "connector: shop\nlabel: Acmé\r\n", None]
    for number, text in enumerate(texts, 1):
        add(store, number, text)
    newest, middle, oldest = store.list_of(ACME)
    assert [row.number for row in (newest, middle, oldest)] == [3, 2, 1]
    assert [row.files.get(PATH) for row in (oldest, middle, newest)] == texts
    assert (newest.is_deleted, oldest.by, oldest.at, oldest.reason) == (True, "0123456789ab", 1.5, "a reason")
    assert oldest.diff == "--- /dev/null\n+++ b/accounts/acme.yaml\n@@ -0,0 +1 @@\n+connector: shop\n"
    assert middle.diff.endswith("@@ -1 +1,2 @@\n connector: shop\n+label: Acmé\r\n")
    assert store.find(ACME, 2) == middle
    assert store.find(ACME, 9) is None
    assert [row.number for row in store.list_of(ACME, until=3, most=1)] == [2]


def test_a_process_finds_what_came_after_the_number_it_knows(store: RevisionStore) -> None:
    add(store, 1, "connector: shop\n")
    known = store.read_change()
    assert store.find_changed(known) == []
    add(store, 2, "connector: mail\n")
    store.add(Revision(SHOP, 1, {"connectors/shop/connector.yaml": ""}), {}, "put", seen=store.read_change())
    assert [(row.subject, row.number) for row in store.find_changed(known)] == [(ACME, 2), (SHOP, 1)]
    assert store.read_change() == known + 2


def test_of_many_writers_of_the_same_revision_one_wins(store: RevisionStore) -> None:
    def write(number: int) -> bool:
        try:
            add(store, 1, f"connector: shop\nlabel: '{number}'\n", seen=0)
        except RevisionConflictError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(write, range(8))) == 1
    assert len(store.list_of(ACME)) == 1
    assert len(store.audit.list()) == 1


def test_a_check_that_did_not_see_the_latest_connector_does_not_count(store: RevisionStore) -> None:
    seen = store.read_change()
    store.add(Revision(SHOP, 1, {"connectors/shop/connector.yaml": ""}), {}, "put", seen=seen)
    with pytest.raises(RevisionConflictError):
        add(store, 1, "connector: shop\n", seen=seen)
    add(store, 1, "connector: shop\n")


def test_the_log_has_each_revision_without_its_documents(store: RevisionStore) -> None:
    add(store, 1, "connector: shop\nlabel: private words\n")
    add(store, 2, None)
    last, first = store.audit.list()
    assert (first.action, first.target, first.before, first.after) == ("put", "accounts/acme", None, 1)
    assert (last.before, last.after, last.account, last.tenant) == (1, 2, "acme", "acme")
    assert "private" not in repr((first, last))


def test_a_newer_format_is_refused(engine: sa.Engine, store: RevisionStore) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE conn_service_format SET format = 99 WHERE part = 'revisions'")
    with pytest.raises(ServiceStoreError, match="format 99 for revisions") as error:
        RevisionStore(engine)
    assert "upgrade conn-engine" in error.value.hint


@pytest.mark.parametrize(
    "path",
    ["accounts/other.yaml", "accounts/acme.txt", "conn.yaml", "connectors/shop/x.yaml", "accounts/../conn.yaml", ""],
)
def test_an_account_has_only_its_own_file(path: str) -> None:
    with pytest.raises(Exception, match="is not a file of accounts/acme"):
        ACME.check_files({path: ""})


@pytest.mark.parametrize("path", ["connectors/shop/../x.yaml", "connectors/shop//x", "connectors/shopx/a.yaml"])
def test_a_connector_has_only_files_below_its_folder(path: str) -> None:
    SHOP.check_files({"connectors/shop/unified/crm.yaml": ""})
    with pytest.raises(Exception, match="is not a file of connectors/shop"):
        SHOP.check_files({path: ""})
