"""Session fixtures: each starts one real server when a test first asks for it and ends it at the end."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))  # so that `processes` is found under every import mode

import postbox as postboxes
from processes import backlot as backlots
from processes import emulate as emulates
from processes import judges
from processes import kinto as kintos
from processes import moto as motos
from processes import nginx as nginxes
from processes import oidc as oidcs
from processes import registry as registries
from processes import synapse as synapses
from processes import wordpress as wordpresses
from processes.witness import Witness, witness

Judges = Callable[..., judges.Judge]


def pytest_configure(config: pytest.Config) -> None:
    """Tests that wait for a server's own clock are for the night."""
    config.addinivalue_line("markers", "nightly: takes long by its nature; `make nightly` runs it too")


@pytest.fixture(scope="session")
def backlot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[backlots.Backlot]:
    """The vendors' read APIs over 2,000 contacts and 230 issues."""
    with backlots.backlot(tmp_path_factory.mktemp("backlot")) as server:
        yield server


@pytest.fixture(scope="session")
def kinto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kintos.Kinto]:
    """A store of JSON records."""
    with kintos.kinto(tmp_path_factory.mktemp("kinto")) as server:
        yield server


@pytest.fixture(scope="session")
def stranger() -> Iterator[Witness]:
    """An origin that no connector trusts."""
    with witness() as origin:
        yield origin


@pytest.fixture(scope="session")
def nginx(tmp_path_factory: pytest.TempPathFactory, kinto: kintos.Kinto, stranger: Witness) -> Iterator[nginxes.Nginx]:
    """nginx before Kinto; its redirects lead to the stranger, by another host name."""
    folder = tmp_path_factory.mktemp("nginx")
    with nginxes.nginx(folder, upstream=kinto.url, elsewhere=stranger.other_host_url) as server:
        yield server


@pytest.fixture(scope="session")
def oidc(tmp_path_factory: pytest.TempPathFactory, deliveries: postboxes.Postbox) -> Iterator[oidcs.Oidc]:
    """A token issuer that rotates refresh tokens and reports sign-outs."""
    with oidcs.oidc(tmp_path_factory.mktemp("oidc"), logout=deliveries.url("people")) as server:
        yield server


@pytest.fixture(scope="session")
def emulate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[emulates.Emulate]:
    """Several vendors' APIs, with writes and their OAuth."""
    with emulates.emulate(tmp_path_factory.mktemp("emulate")) as server:
        yield server


@pytest.fixture(scope="session")
def deliveries() -> Iterator[postboxes.Postbox]:
    """Where servers deliver to; a test says for which workspace."""
    with postboxes.postbox() as box:
        yield box


@pytest.fixture(scope="session")
def senders(tmp_path_factory: pytest.TempPathFactory, deliveries: postboxes.Postbox) -> Iterator[emulates.Emulate]:
    """Five vendors that send deliveries, each signed in its own way by `postbox.SECRET`."""
    seed = yaml.safe_dump(postboxes.subscribed(deliveries))
    with emulates.emulate(tmp_path_factory.mktemp("senders"), emulates.SENDERS, seed) as server:
        yield server


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[motos.Moto]:
    """Signed requests for tables, files and people."""
    with motos.moto(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[registries.Registry]:
    """Five repositories, listed by relative links."""
    with registries.registry(tmp_path_factory.mktemp("registry")) as server:
        yield server


@pytest.fixture(scope="session")
def synapse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[synapses.Synapse]:
    """A chat server with tokens of a few seconds and real limits."""
    with synapses.synapse(tmp_path_factory.mktemp("synapse")) as server:
        yield server


@pytest.fixture(scope="session")
def wordpress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[wordpresses.WordPress]:
    """230 posts, one who may write and one who may read."""
    with wordpresses.wordpress(tmp_path_factory.mktemp("wordpress")) as server:
        yield server


@pytest.fixture(scope="session")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judges]:
    """`judge(kind, document, strip)`: a request judge over a vendor's document, each started once."""
    started: dict[object, judges.Judge] = {}
    with ExitStack() as stack:

        def get(kind: str, document: str, strip: str = "", **options: bool) -> judges.Judge:
            key = (kind, document, strip, *options.items())
            if key not in started:
                start: Any = {"steady": judges.steady, "prism": judges.prism}[kind]
                folder = tmp_path_factory.mktemp(kind)
                started[key] = stack.enter_context(start(folder, document, strip=strip, **options))
            started[key].forget()
            return started[key]

        yield get


@pytest.fixture
def watched(backlot: backlots.Backlot) -> Iterator[Witness]:
    """A witness before backlot, fresh for each test: what the engine sent."""
    with witness(backlot.url) as front:
        yield front


@pytest.fixture
def door(nginx: nginxes.Nginx) -> Iterator[Witness]:
    """A witness before nginx's open listener, fresh for each test."""
    with witness(f"http://127.0.0.1:{nginx.open}") as front:
        yield front
