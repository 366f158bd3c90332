"""What the commands for webhooks share: at which address a delivery came, its file, the secrets given for once."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conn_cli.console import App
from conn_engine.errors import UsageError

if TYPE_CHECKING:
    from conn_engine.config import Effective
    from conn_engine.testing.deliveries.trial import Trial
    from conn_engine.webhooks import Delivery
    from conn_engine.webhooks.recorded import RecordedDelivery

__all__ = [
    "Account",
    "At",
    "Connector",
    "DeliveryFile",
    "DeliveryOwner",
    "File",
    "Secrets",
    "Url",
    "build_trial",
    "find_delivery_path",
    "find_owner",
    "parse_time",
    "read_delivery",
    "read_secrets",
]

Account = Annotated[str | None, typer.Option("--account", "-a", help="Account that the delivery is for.")]
Connector = Annotated[
    str | None,
    typer.Option("--connector", "-c", help="Connector, if the delivery names the account. Default: the only one."),
]
File = Annotated[
    str,
    typer.Argument(metavar="FILE", help="HTTP request as text, or a recorded delivery (JSON). - reads standard input."),
]
At = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="TIME",
        help="Verify the delivery as of this time (RFC 3339). Default: now, or when it was recorded.",
    ),
]
Url = Annotated[str | None, typer.Option("--url", help="URL that the vendor calls, if FILE has no host.")]
Secrets = Annotated[
    list[str] | None,
    typer.Option(
        "--secret",
        metavar="NAME[=@VARIABLE]",
        help="Use this secret for this command only: prompt for it, or read VARIABLE. Repeatable.",
    ),
]


@dataclass(frozen=True, slots=True)
class DeliveryOwner:
    """At whose address a delivery came: an account's, or a connector's."""

    account: str | None
    connector: str | None

    def load_effective(self, app: App) -> "Effective":
        """Its configuration."""
        return app.workspace.effective(account=self.account, connector=self.connector)


@dataclass(frozen=True, slots=True)
class DeliveryFile:
    """What a file holds: a delivery as it came, or a recorded one."""

    delivery: "Delivery | None"
    recorded: "RecordedDelivery | None"


def find_owner(app: App, account: str | None, connector: str | None) -> DeliveryOwner:
    """The address that the options mean; by default that of the only connector with webhooks. Raises UsageError."""
    if account is not None:
        return DeliveryOwner(account, None)
    if connector is None:
        names = [name for name in app.workspace.connectors() if _receives(app, name)]
        if len(names) != 1:
            if not names:
                raise UsageError(
                    "no connector declares webhooks",
                    hint="add webhooks to a connector.yaml; conn webhook scheme lists known vendors",
                )
            raise UsageError(
                f"several connectors declare webhooks: {', '.join(names)}",
                hint="add --account ACCOUNT or --connector NAME",
            )
        connector = names[0]
    app.workspace.effective(account=None, connector=connector)
    return DeliveryOwner(None, connector)


def _receives(app: App, connector: str) -> bool:
    return app.workspace.effective(account=None, connector=connector).data.get("webhooks") is not None


def read_delivery(app: App, file: str, url: str | None) -> DeliveryFile:
    """The delivery in a file, or on standard input. Raises UsageError; ConfigurationError for a recorded one that is
    none."""
    from conn_engine.webhooks.request_text import read_request

    path = None if file == "-" else app.folder / file
    raw = _read_standard_input(app) if path is None else _read_bytes(path, file)
    if not raw.lstrip().startswith(b"{"):
        return DeliveryFile(read_request(raw, url), None)
    return DeliveryFile(None, _load_recorded(app, path, raw, file))


def _load_recorded(app: App, path: Path | None, raw: bytes, file: str) -> "RecordedDelivery":
    import tempfile

    from conn_engine.webhooks.recorded import load_delivery

    if path is not None:
        return load_delivery(path, file)
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "delivery.json"
        kept.write_bytes(raw)
        return load_delivery(kept, "the input")


def _read_bytes(path: Path, file: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {file}: {(error.strerror or str(error)).lower()}") from None


def _read_standard_input(app: App) -> bytes:
    buffer = getattr(app.stdin, "buffer", None)
    return bytes(buffer.read()) if buffer is not None else app.stdin.read().encode()


def read_secrets(app: App, options: list[str] | None) -> dict[str, str]:
    """The secrets of `--secret`. Raises UsageError for one that is written out, or whose variable is not set."""
    found: dict[str, str] = {}
    for option in options or ():
        name, sign, rest = option.partition("=")
        if sign and not rest.startswith("@"):
            raise UsageError(
                "--secret takes no value, because the process list and the shell history would show it",
                hint=f"--secret {name} prompts for it; --secret {name}=@VARIABLE reads an environment variable",
            )
        if sign and rest[1:] not in app.environ:
            raise UsageError(f"--secret {name}: the environment variable {rest[1:]} is not set")
        if not sign and not app.interactive:
            raise UsageError(
                f"--secret {name}: no value given, and no prompt is possible",
                hint=f"set an environment variable and name it: --secret {name}=@VARIABLE",
            )
        found[name] = app.environ[rest[1:]] if sign else app.ask(name, secret=True)
        app.redactor.add(found[name], name)
    return found


def build_trial(app: App, given: dict[str, str], at: float | None) -> "Trial":
    """Return a receiver that stores and sends nothing, with the secrets of `--secret` and the time of `--at`."""
    from conn_engine.testing.deliveries.trial import Trial
    from conn_engine.wire import FrozenClock

    clock = app.clock if at is None else FrozenClock(at)
    return Trial(app.workspace, app.environ, clock=clock, redactor=app.redactor, given=given)


def parse_time(text: str | None, option: str = "--at") -> float | None:
    """Unix seconds of an RFC 3339 time. Raises UsageError."""
    if text is None:
        return None
    try:
        made = datetime.fromisoformat(text)
        return (made if made.tzinfo else made.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise UsageError(f'{option} "{text}" is not a time', hint="such as 2026-11-25T14:30:00Z") from None


def to_json_line(data: Any) -> str:
    """Data as JSON in a line."""
    return json.dumps(data, ensure_ascii=False, default=str)


def find_delivery_path(app: App, address: DeliveryOwner, name: str, *, own: bool) -> Path:
    """Return the file of a recorded delivery. Raises UsageError for an invalid file name."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,99}", name):
        raise UsageError(f'"{name}" is not a valid name', hint="use lower-case letters, digits, dots, - and _")
    if own and address.account is None:
        raise UsageError("--own requires --account")
    folder = app.workspace.root / "connectors" / address.load_effective(app).connector_name / "deliveries"
    path = (folder / (address.account or "") if own else folder) / f"{name}.json"
    app.workspace.check_inside(path)
    return path
