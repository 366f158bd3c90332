"""nginx (Debian) before another server: an open door, one that limits, and redirects to another origin.

| listener    | does                                                                                     |
|-------------|------------------------------------------------------------------------------------------|
| `open`      | passes everything on; `/moved/…` is a 308 to the same path on this origin                  |
| `limited`   | 2 requests a second and a burst of 5 for each credential, then 429 with `Retry-After: 1`   |
| `redirects` | 308 of everything to `elsewhere`: another host name and another port                       |
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from processes import cache
from processes.process import free_port, running

__all__ = ["Nginx", "nginx"]

SETTINGS = """\
pid @folder@/nginx.pid;
error_log @folder@/error.log warn;
worker_processes 1;
daemon off;
@user@
events { worker_connections 256; }
http {
  access_log @folder@/access.log;
  client_body_temp_path @folder@/b; proxy_temp_path @folder@/p; fastcgi_temp_path @folder@/f;
  uwsgi_temp_path @folder@/u; scgi_temp_path @folder@/s;
  limit_req_zone $http_authorization zone=api:1m rate=2r/s;
  limit_req_status 429;
  gzip on; gzip_types application/json; gzip_min_length 100;
  proxy_http_version 1.1;
  proxy_set_header Host $http_host;
  server {
    listen 127.0.0.1:@open@;
    absolute_redirect off;
    location ~ ^/moved(/.*)$ { return 308 $1$is_args$args; }
    location / { proxy_pass @upstream@; }
  }
  server {
    listen 127.0.0.1:@limited@;
    location / { limit_req zone=api burst=5 nodelay; error_page 429 = @slow; proxy_pass @upstream@; }
    location @slow {
      internal;
      default_type application/json;
      add_header Retry-After 1 always;
      return 429 '{"error": "rate_limited"}';
    }
  }
  server { listen 127.0.0.1:@redirects@; return 308 @elsewhere@$request_uri; }
}
"""


@dataclass(frozen=True, slots=True)
class Nginx:
    """A running nginx, by the ports of its listeners."""

    open: int
    limited: int
    redirects: int


@contextmanager
def nginx(folder: Path, *, upstream: str, elsewhere: str) -> Iterator[Nginx]:
    """Serve before `upstream`, redirecting to the origin `elsewhere`, until the block is left."""
    program = cache.debian("nginx", "nginx")
    ports = Nginx(free_port(), free_port(), free_port())
    values = {
        "folder": str(folder),
        "upstream": upstream,
        "elsewhere": elsewhere,
        "user": "user root;" if os.geteuid() == 0 else "",
        "open": str(ports.open),
        "limited": str(ports.limited),
        "redirects": str(ports.redirects),
    }
    text = SETTINGS
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    settings = folder / "nginx.conf"
    settings.write_text(text, encoding="utf-8")
    with running(
        "nginx",
        [program, "-p", folder, "-c", settings],
        url=f"http://127.0.0.1:{ports.redirects}/",
        log=folder / "nginx.log",
        folder=folder,
        ready=lambda answer: answer.status_code == 308,
    ):
        yield ports
