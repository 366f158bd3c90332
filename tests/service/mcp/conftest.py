"""A service with tools for agents, and the client of the SDK."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "http")]  # so that the benches are found
from agent_bench import AgentBench, open_agent_bench  # noqa: E402


@pytest.fixture(scope="module")
def module_agents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentBench]:
    with open_agent_bench(tmp_path_factory.mktemp("agents")) as made:
        yield made


@pytest.fixture
def agents(module_agents: AgentBench) -> Iterator[AgentBench]:
    """The service of the module, with a vendor that answers as at first."""
    vendor = module_agents.bench.vendor
    answer = vendor.answer
    vendor.arrived.clear()
    yield module_agents
    vendor.answer = answer
