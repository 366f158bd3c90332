"""Rows are inserted with one statement, on each kind of database; and a worker has a limited number of connections."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from conn_engine.releases.store_location import StoreLocation
from conn_service.store import RowInsertion, open_engine

TABLE = sa.Table(
    "thing",
    sa.MetaData(),
    sa.Column("stream", sa.Integer, primary_key=True),
    sa.Column("key", sa.String(100), primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("moment", sa.Float, nullable=False),
    sa.Column("extra", sa.Text),
)
COLUMNS = ("stream", "key", "text", "moment")
ROWS = [(2**31 - 1, "a", "Ä'\"%s ?{}\n", 1.5), (1, "b", "", 1.7e9), (1, "c", "[1,2]", -0.0)]


def read(engine: sa.Engine) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.select(TABLE).order_by(TABLE.c.key))]


def test_rows_are_inserted_and_replaced_by_key(engine: sa.Engine) -> None:
    TABLE.metadata.create_all(engine)
    statements: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    insertion = RowInsertion(TABLE, COLUMNS, key=("stream", "key"))
    with engine.begin() as connection:
        insertion.execute(connection, ROWS)
        insertion.execute(connection, [(1, "b", "again", 2.0), (2, "b", "another", 3.0)])
        insertion.execute(connection, [])
    assert len(statements) == 2
    assert read(engine) == [
        (*ROWS[0], None),
        (1, "b", "again", 2.0, None),
        (2, "b", "another", 3.0, None),
        (*ROWS[2], None),
    ]


def test_an_integer_is_stored_as_a_moment(engine: sa.Engine) -> None:
    TABLE.metadata.create_all(engine)
    with engine.begin() as connection:
        RowInsertion(TABLE, COLUMNS).execute(
            connection, [(1, "a", "", 2), (2**31 - 1, "b", "", 1.5), (70_000, "c", "", 0)]
        )
    assert [row[3] for row in read(engine)] == [2.0, 1.5, 0.0]


def test_a_row_that_exists_is_an_error_without_a_key(engine: sa.Engine) -> None:
    TABLE.metadata.create_all(engine)
    insertion = RowInsertion(TABLE, COLUMNS)
    with engine.begin() as connection:
        insertion.execute(connection, ROWS)
    with pytest.raises(sa.exc.IntegrityError) as caught, engine.begin() as connection:
        insertion.execute(connection, ROWS[1:])
    assert "again" not in str(caught.value) and "1700000000" not in str(caught.value), "values are not in messages"
    assert len(read(engine)) == 3


def test_a_worker_has_a_limited_number_of_connections(postgres: Callable[[], str]) -> None:
    """Several workers must fit into the connections that a server has."""
    location, used = StoreLocation(url=sa.engine.make_url(postgres())), set()
    engine = open_engine(location, connections=2)

    def use(_: int) -> None:
        with engine.connect() as connection:
            used.add(connection.exec_driver_sql("SELECT pg_backend_pid() FROM pg_sleep(0.05)").scalar())

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(use, range(6)))
    engine.dispose()
    assert len(used) == 2
