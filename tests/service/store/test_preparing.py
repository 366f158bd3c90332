"""Processes that start at the same time create the tables of a new database once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import sqlalchemy as sa

from conn_engine.releases.store_location import StoreLocation
from conn_service.store import open_engine, prepare_tables

PROCESSES = 6


def test_processes_that_start_at_once_create_the_tables_once(location: StoreLocation) -> None:
    created: list[str] = []
    barrier = Barrier(PROCESSES)

    def create_table(connection: sa.Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE mine (id INTEGER)")
        created.append("mine")

    def start(_: int) -> None:
        engine = open_engine(location)
        with engine.connect() as connection:  # a new file has its mode first
            connection.exec_driver_sql("SELECT 1")
        barrier.wait(60)
        prepare_tables(engine, "part", [create_table])
        engine.dispose()

    with ThreadPoolExecutor(PROCESSES) as pool:
        list(pool.map(start, range(PROCESSES)))
    assert created == ["mine"]
