"""WordPress (Debian) by PHP's own server, over MariaDB (Debian): nothing is installed on the machine.

Application passwords as Basic; pages by number with `X-WP-Total` and `Link`, 400 past the end; several writes in
one request, answered 207 with a result each; HTML where no JSON is. The data are made once and copied.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import launching

from processes import cache
from processes.process import ServerFailed, free_port, running

__all__ = ["POSTS", "WordPress", "wordpress"]

POSTS = 230
SETUP = Path(__file__).with_name("wordpress.php")
PACKAGES = ("php-cli", "php-mysql", "php-xml", "php-mbstring", "mariadb-server-core", "mariadb-client-core")
EXTENSIONS = ("mysqlnd", "mysqli", "mbstring", "tokenizer", "ctype", "xml", "dom", "simplexml", "iconv", "fileinfo")
CONFIG = """\
<?php
define('DB_NAME', 'wp'); define('DB_USER', 'root'); define('DB_PASSWORD', ''); define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', ''); define('DB_HOST', 'localhost:' . getenv('DB_SOCKET'));
foreach (['AUTH_KEY', 'SECURE_AUTH_KEY', 'LOGGED_IN_KEY', 'NONCE_KEY', 'AUTH_SALT', 'SECURE_AUTH_SALT', 'LOGGED_IN_SALT', 'NONCE_SALT'] as $key) define($key, "tests $key");
define('WP_ENVIRONMENT_TYPE', 'local'); define('WP_HTTP_BLOCK_EXTERNAL', true); define('DISABLE_WP_CRON', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
define('WP_HOME', getenv('WP_URL')); define('WP_SITEURL', getenv('WP_URL'));
$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
"""  # noqa: E501
ROUTER = """\
<?php
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if ($path !== '/' && is_file($_SERVER['DOCUMENT_ROOT'] . $path)) return false;
$_SERVER['SCRIPT_NAME'] = '/index.php';
require $_SERVER['DOCUMENT_ROOT'] . '/index.php';
"""


@dataclass(frozen=True, slots=True)
class WordPress:
    """A running WordPress. `passwords`: application passwords by user (`admin`, `reader`)."""

    port: int
    passwords: dict[str, str]

    @property
    def url(self) -> str:
        """Its origin."""
        return f"http://127.0.0.1:{self.port}"

    def titles(self, search: str) -> set[str]:
        """The titles of published posts that hold a word."""
        answer = httpx.get(
            f"{self.url}/wp-json/wp/v2/posts", params={"search": search, "per_page": 100}, trust_env=False, timeout=60
        )
        return {post["title"]["rendered"] for post in answer.raise_for_status().json()}


@dataclass(frozen=True, slots=True)
class Programs:
    """PHP and MariaDB, where they are, and how each is called from there."""

    root: Path

    def found(self, name: str, pattern: str) -> Path:
        """A program of the machine, else the unpacked one."""
        own = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if own:
            return Path(own)
        for file in sorted(self.root.glob(pattern)):
            return file
        raise ServerFailed(f"`{name}` is neither on this machine nor in {self.root}. Install {', '.join(PACKAGES)}.")

    @property
    def php(self) -> list[str | Path]:
        """PHP with the extensions that WordPress needs and the machine's PHP does not load by itself."""
        words: list[str | Path] = [self.found("php", "usr/bin/php8*"), "-d", "memory_limit=256M"]
        for name in EXTENSIONS:
            for file in self.root.glob(f"usr/lib/php/2*/{name}.so"):
                words += ["-d", f"extension={file}"]
        return words

    @property
    def mariadbd(self) -> list[str | Path]:
        """MariaDB's server."""
        program = self.found("mariadbd", "usr/sbin/mariadbd")
        user = ["--user=root"] if os.geteuid() == 0 else []
        return [program, "--no-defaults", f"--basedir={program.parents[1]}", "--innodb-log-file-size=8M", *user]

    @property
    def tables(self) -> str:
        """What makes MariaDB's own tables, for its `--bootstrap`, and the database of the site."""
        share = Path(self.mariadbd[0]).parents[1] / "share" / "mariadb"
        kinds = ("mariadb_system_tables", "mariadb_performance_tables", "mariadb_system_tables_data")
        texts = [(share / f"{kind}.sql").read_text(encoding="utf-8") for kind in kinds]
        own = "create database wp character set utf8mb4;"
        return "\n".join(["create database mysql;", "use mysql;", *texts, own, ""])

    @property
    def environ(self) -> dict[str, str]:
        """Where the unpacked libraries are."""
        folders = [str(folder) for folder in self.root.glob("usr/lib/*-linux-gnu")]
        return {"LD_LIBRARY_PATH": os.pathsep.join([*folders, *filter(None, [os.environ.get("LD_LIBRARY_PATH")])])}


@contextmanager
def database(programs: Programs, data: Path, place: Path) -> Iterator[Path]:
    """MariaDB over `data` until the block is left, on a socket in `place` only; yields the socket."""
    with tempfile.TemporaryDirectory(prefix="db") as short:  # a socket's path may have 107 characters
        listening = Path(short) / "db.sock"
        words = [f"--datadir={data}", f"--socket={listening}", f"--pid-file={short}/db.pid", "--skip-networking"]
        words += ["--innodb-flush-log-at-trx-commit=0", "--skip-log-bin", "--skip-grant-tables"]
        with running(
            "mariadbd",
            [*programs.mariadbd, *words],
            url=f"unix:{listening}",
            log=place / "db.log",
            folder=place,
            environ=programs.environ,
            seconds=180,
            patience=60,
        ):
            yield listening


def site(folder: Path) -> Path:
    """The program files of WordPress, as one folder that PHP can serve."""
    files = cache.debian_files("wordpress") / "usr/share/wordpress"
    www = folder / "www"
    shutil.copytree(files, www, symlinks=True, ignore=shutil.ignore_patterns("wp-content"))
    for link in [path for path in www.rglob("*") if path.is_symlink() and not path.exists()]:
        link.unlink()  # into packages that are not here: scripts and styles of pages that nobody opens
    for name in ("themes", "plugins"):
        (www / "wp-content" / name).mkdir(parents=True)
    shutil.copytree(
        cache.debian_files("php-getid3") / "usr/share/php/getid3", www / "wp-includes/ID3", dirs_exist_ok=True
    )
    (www / "wp-config.php").write_text(CONFIG, encoding="utf-8")
    (folder / "router.php").write_text(ROUTER, encoding="utf-8")
    return www


def prepared(programs: Programs) -> Path:
    """A cached folder with the site (`www`), its database (`db`) and the passwords (`passwords.json`)."""
    recipe = SETUP.read_bytes() + Path(__file__).read_bytes()
    with cache.installed(f"wordpress-{hashlib.sha256(recipe).hexdigest()[:12]}") as (folder, complete):
        if complete:
            return folder
        www = site(folder)
        data = folder / "db"
        data.mkdir()
        environ = {**os.environ, **programs.environ}
        told = launching.run(
            [*programs.mariadbd, "--bootstrap", f"--datadir={data}"],
            input=programs.tables,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        if told.returncode:
            raise ServerFailed(f"mariadbd --bootstrap ended with {told.returncode}:\n{told.stderr[-3000:]}")
        with database(programs, data, folder) as listening:
            told = launching.run(
                [*programs.php, SETUP],
                cwd=www,
                env={**environ, "DB_SOCKET": str(listening), "WP_URL": "http://127.0.0.1", "POSTS": str(POSTS)},
                capture_output=True,
                text=True,
                check=False,
            )
        try:
            passwords = json.loads(told.stdout.splitlines()[-1])
        except (IndexError, ValueError):
            raise ServerFailed(f"WordPress was not set up: {told.stdout[-2000:]}\n{told.stderr[-2000:]}") from None
        (folder / "passwords.json").write_text(json.dumps(passwords), encoding="utf-8")
        return folder


@contextmanager
def wordpress(folder: Path) -> Iterator[WordPress]:
    """Install and set up (both cached), serve a copy of the data until the block is left."""
    programs = Programs(cache.debian_closure("php-mariadb", *PACKAGES))
    made = prepared(programs)
    shutil.copytree(made / "db", folder / "db")
    port = free_port()
    with (
        database(programs, folder / "db", folder) as listening,
        running(
            "wordpress",
            [*programs.php, "-S", f"127.0.0.1:{port}", "-t", made / "www", made / "router.php"],
            url=f"http://127.0.0.1:{port}/wp-json/",
            log=folder / "wordpress.log",
            folder=folder,
            environ={
                **programs.environ,
                "DB_SOCKET": str(listening),
                "WP_URL": f"http://127.0.0.1:{port}",
                "PHP_CLI_SERVER_WORKERS": "3",
            },
            seconds=180,
            ready=lambda answer: answer.status_code == 200,
        ),
    ):
        yield WordPress(port, json.loads((made / "passwords.json").read_text(encoding="utf-8")))
