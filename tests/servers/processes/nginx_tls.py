"""nginx (Debian) that lets in whoever shows a certificate of the tests' own authority: a token endpoint and an API.

| location  | does                                                                                     |
|-----------|------------------------------------------------------------------------------------------|
| `/token`  | answers with a token that is named after the certificate's subject                         |
| `/things` | 401 without that token; else one record, which says who asked                              |

Without a certificate, or with one that has ended, nginx answers 400 by itself.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from processes import cache
from processes.process import free_port, running

__all__ = ["nginx_tls"]

SETTINGS = """\
pid @folder@/nginx.pid;
error_log @folder@/error.log warn;
worker_processes 1;
daemon off;
@user@
events { worker_connections 64; }
http {
  access_log @folder@/access.log;
  client_body_temp_path @folder@/b; proxy_temp_path @folder@/p; fastcgi_temp_path @folder@/f;
  uwsgi_temp_path @folder@/u; scgi_temp_path @folder@/s;
  default_type application/json;
  map $ssl_client_s_dn $token { ~CN=(?<who>\\w+) "token-of-$who-by-nginx"; }
  server { listen 127.0.0.1:@ready@; return 204; }
  server {
    listen 127.0.0.1:@port@ ssl;
    ssl_certificate @folder@/server.pem;
    ssl_certificate_key @folder@/server.key;
    ssl_client_certificate @folder@/ca.pem;
    ssl_verify_client on;
    location = /token { return 200 '{"access_token": "$token", "expires_in": 3600}'; }
    location = /things {
      if ($http_authorization != "Bearer $token") { return 401 '{"message": "no such token"}'; }
      return 200 '[{"id": 1, "who": "$ssl_client_s_dn"}]';
    }
  }
}
"""


@contextmanager
def nginx_tls(folder: Path, *, certificate: str, key: str, authority: str) -> Iterator[int]:
    """Serve with these PEM texts until the block is left; yields the port."""
    program = cache.debian("nginx", "nginx")
    port, ready = free_port(), free_port()
    for name, text in {"server.pem": certificate, "server.key": key, "ca.pem": authority}.items():
        (folder / name).write_text(text, encoding="utf-8")
    values = {
        "folder": str(folder),
        "user": "user root;" if os.geteuid() == 0 else "",
        "port": str(port),
        "ready": str(ready),
    }
    text = SETTINGS
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    settings = folder / "nginx.conf"
    settings.write_text(text, encoding="utf-8")
    with running(
        "nginx",
        [program, "-p", folder, "-c", settings],
        url=f"http://127.0.0.1:{ready}/",
        log=folder / "nginx.log",
        folder=folder,
        ready=lambda answer: answer.status_code == 204,
    ):
        yield port
