"""MLflow (PyPI) over SQLite: a registry of models, which tells of what happens there by signed deliveries, and delivers
again what is answered 503.
"""

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from processes import cache
from processes.process import free_port, running

__all__ = ["Mlflow", "mlflow"]

VERSION = "3.17.2"


@dataclass(frozen=True, slots=True)
class Mlflow:
    """A running MLflow."""

    port: int

    def call(self, path: str, **told: Any) -> Any:
        """One call of its API, by which something happens there."""
        url = f"http://127.0.0.1:{self.port}/api/2.0/mlflow/{path}"
        return httpx.post(url, json=told, trust_env=False, timeout=60).raise_for_status().json()


@contextmanager
def mlflow(folder: Path) -> Iterator[Mlflow]:
    """Install (cached), serve until the block is left. It starts slowly: most of it is imports and a new database."""
    program = cache.venv("mlflow", VERSION) / "mlflow"
    port = free_port()
    with running(
        "mlflow",
        [program, "server", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", folder,
         "--host", "127.0.0.1", "--port", str(port), "--workers", "1"],
        url=f"http://127.0.0.1:{port}/health",
        log=folder / "mlflow.log",
        folder=folder,
        environ={
            "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http",  # as its own tests do: it delivers to https alone otherwise
            "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
            "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
            "MLFLOW_WEBHOOK_CACHE_TTL": "1",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
        },
        seconds=240,
        ready=lambda answer: answer.status_code == 200,
        patience=10,
    ):  # fmt: skip
        yield Mlflow(port)
