"""Build the request of a vendor operation from its configuration and a call. The driver sends it."""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from conn_engine import bodies
from conn_engine.auth import absent_parts, blank_absent, remove_absent
from conn_engine.auth.credential_document import seal_error
from conn_engine.auth.signatures import NoSignature, SigningContext
from conn_engine.conditions import Conditions, conditions_of
from conn_engine.config import Effective, VendorOperation, lookup
from conn_engine.documents import format_path
from conn_engine.errors import ConfigurationError, ExpressionError, UsageError, VendorError
from conn_engine.expressions import render, render_path
from conn_engine.runtime.call import Call, Run
from conn_engine.secrets import mask_short
from conn_engine.settings import Draft, Names, Scope
from conn_engine.transport import egress, gateway
from conn_engine.transport.url_templates import fill_base_url
from conn_engine.transport.visible import show_as
from conn_engine.url_paths import has_dot_segment, is_below
from conn_engine.urls import split_plain_url
from conn_engine.wire import Headers, Purpose, Request

__all__ = ["authorization_scope", "call_scope", "draft_of", "finish_request", "without_credential"]

Place = Callable[[Draft], None]


def call_scope(effective: Effective, call: Call, conditions: Conditions) -> Scope:
    """Return the names that every expression of a call may use, such as `query`, `body` and `context`."""
    names: Names = {
        **call.params,
        "query": dict(call.query),
        "body": call.body,
        "headers": dict(call.headers),
        "context": effective.context,
        "params": dict(call.params),
    }
    if call.id is not None:
        names["id"] = call.id
    return Scope(names, conditions)


def authorization_scope(run: Run) -> Scope:
    """Return the only scope with secrets: the stored document's keys, the declared variables and the context."""
    effective, session = run.effective, run.session
    env = {name: session.environ[name] for name in effective.env_names if name in session.environ}
    return Scope({**session.document, "env": env, "context": effective.context}, session.conditions)


def draft_of(effective: Effective, operation: VendorOperation, call: Call, scope: Scope, place: Place) -> Draft:
    """Build the request before it is authorized and encoded. `place` sets the page in it."""
    with _add_path(operation, "base_url"), _blame_vendor(operation.base_url, effective.captured):
        base = fill_base_url(operation.base_url, scope)
    with _add_path(operation, "path"):
        path = render_path(operation.path, scope)
    address = base + (path if not path or path.startswith(("/", "?")) else f"/{path}")
    draft = Draft(
        method=operation.method.upper(),
        url=address,
        base=base,
        address=address,
        scope=scope,
        body_format=operation.body_format,
        files=call.files,
        as_file=call.as_file,
    )
    for name, value in operation.query.items():
        with _add_path(operation, "query", name):
            draft.set_query(name, render(value, scope))
    for name, value in call.query.items():
        draft.set_query(name, value)  # a caller's values are data: a "{{" in them is never evaluated
    for name, value in operation.headers.items():
        with _add_path(operation, "headers", name):
            rendered = render(value, scope)
        draft.set_header(name, None if rendered is None else str(rendered))
    for name, text in call.headers.items():
        draft.set_header(name, text)
    with _add_path(operation, "body"):
        draft.body = render(operation.body, scope) if operation.body is not None else call.body
    place(draft)
    return draft


@contextmanager
def _blame_vendor(base_url: str, captured: Iterable[str]) -> Iterator[None]:
    """Raise VendorError for a base URL that is invalid because of the vendor's response to the login."""
    try:
        yield
    except ConfigurationError as error:
        name = next((name for name in captured if f"context.{name}" in base_url), None)
        if isinstance(error, ExpressionError) or name is None:
            raise
        raise VendorError(
            f'the vendor\'s login response has a "{name}" that is not part of a plain http or https URL',
            kind="bad_response",
            hint=f"log in again; {error.hint}",
        ) from error


@contextmanager
def _add_path(operation: VendorOperation, key: str, *below: str) -> Iterator[None]:
    """Add the configuration path of the setting to an expression's error."""
    try:
        yield
    except ExpressionError as error:
        location = format_path((*operation.get_path(key), *below))
        error.at = f"{location}.{error.at}" if error.at else location
        raise


def finish_request(
    run: Run,
    operation: VendorOperation,
    draft: Draft,
    purpose: Purpose,
    label: str,
) -> Request:
    """Authorize the draft, encode its query and body, then sign it. Nothing may change the request after this."""
    effective, session = run.effective, run.session
    egress.check_host(draft.url, effective.trusted_hosts, label)
    _check_path(effective, operation, draft, label)
    draft.absent = absent_parts(operation.credentials.fields(), session.document)
    secret_scope = remove_absent(authorization_scope(run), draft.absent)
    masked = mask_short(secret_scope)
    twin = replace(draft, headers=dict(draft.headers))
    signed = not isinstance(operation.signature, NoSignature)
    signing = SigningContext.from_time(session.clock.now(), session.conditions.chance) if signed else None
    request = _finish_request(effective, operation, draft, signing, secret_scope, purpose, label)
    if masked is secret_scope:
        return request
    visible_scope = Scope(masked, conditions_of(secret_scope))
    return show_as(request, lambda: _finish_request(effective, operation, twin, signing, visible_scope, purpose, label))


def _finish_request(  # noqa: PLR0917
    effective: Effective,
    operation: VendorOperation,
    draft: Draft,
    signing: SigningContext | None,
    secret_scope: Scope,
    purpose: Purpose,
    label: str,
) -> Request:
    plain_headers, plain_query = dict(draft.headers), list(draft.query)  # before authorization, so without secrets
    with _seal_errors():
        operation.authorization.apply(draft, secret_scope)
    declared = {name: text for name, text in plain_headers.items() if draft.headers.get(name) == text}
    credential_query = _find_new_names(plain_query, draft.query) if draft.query != plain_query else frozenset[str]()
    body, payload = _encode_body(operation, draft)
    read_as = "binary" if draft.as_file else operation.response_format
    if not any(name.lower() == "accept" for name in draft.headers):
        draft.set_header("Accept", bodies.accept_header(read_as))
    request = Request(
        method=draft.method,
        url=_with_query(draft, operation),
        headers=Headers(draft.headers),
        body=body,
        purpose=purpose,
        label=label,
        writes=operation.writes,
        idempotent=operation.idempotent,
        authorized=draft.authorized,
        hosts=effective.hosts,
        certificate=operation.credentials.certificate(secret_scope),
        timeout_seconds=operation.timeout_seconds,
        payload=payload,
        stream=bodies.is_streamed(read_as),
        declared=Headers(declared),
        credential_query=credential_query,
    )
    if signing is None:
        return request
    request = replace(request, url=gateway.encode_url(request.url))  # sign the URL exactly as it is sent
    with _seal_errors():
        signed = operation.signature.sign(request, blank_absent(secret_scope, draft.absent), signing)
    before = request.headers
    return replace(
        signed,
        signed_headers=frozenset(name for name, text in signed.headers.items() if before.get(name) != text),
        credential_query=credential_query | _find_new_names(_parse_query(request.url), _parse_query(signed.url)),
    )


def _find_new_names(before: Collection[tuple[str, Any]], after: Iterable[tuple[str, Any]]) -> frozenset[str]:
    """Return the names of the parameters that were added, or whose value has changed."""
    return frozenset(name for name, value in after if (name, value) not in before)


def _parse_query(url: str) -> list[tuple[str, str]]:
    return parse_qsl(split_plain_url(url).query, keep_blank_values=True)


def _check_path(effective: Effective, operation: VendorOperation, draft: Draft, label: str) -> None:
    """Raise ConfigurationError if an override directs a further page, or a request about a job, outside the base path.

    It could otherwise send the credential to any URL of the host.
    """
    if draft.url == draft.address or not effective.sets_further_urls(operation):
        return
    path = split_plain_url(draft.url).path
    written = lookup(effective.data, operation.place)
    of_its_own = isinstance(written, dict) and not written.keys().isdisjoint(("authorization", "signature"))
    start = split_plain_url(draft.address if of_its_own else draft.base).path
    if has_dot_segment(path) or not any(
        is_below(path, start_path) for start_path in (start, *effective.grants.allowance.paths)
    ):
        raise ConfigurationError(
            f"{label} would go to the path {path[:200]}, which is not below {start or '/'}",
            hint="set `pagination` or `job` in connector.yaml: an override must stay below this path",
        )


def _encode_body(operation: VendorOperation, draft: Draft) -> tuple[bytes | None, bodies.Payload | None]:
    """Encode the body as bytes, or a large one as a payload of parts. Sets the content type."""
    empty = draft.body is None and not (draft.files and draft.body_format in ("multipart", "raw"))
    if empty or draft.method == "HEAD" or (draft.method == "GET" and operation.body is None):
        _refuse_files(draft)
        return None, None
    body, content_type = bodies.encode_upload(
        draft.body_format, draft.body, operation.query_format, operation.body_options, draft.files
    )
    header = next((value for name, value in draft.headers.items() if name.lower() == "content-type"), None)
    if header is None or (header.lower().startswith("multipart/") and "boundary" not in header.lower()):
        boundary = content_type.partition("; ")[2]
        draft.set_header("Content-Type", content_type if header is None else f"{header}; {boundary}")
    if isinstance(body, bytes):
        return body, None
    if isinstance(operation.signature, NoSignature):
        return None, body
    whole = body.read_all(bodies.MAX_BYTES)
    if whole is None:
        raise ConfigurationError(
            f"a signed upload can have at most {bodies.MAX_BYTES // 2**20} MiB; this one has {body.size} bytes",
            hint="send a smaller file: the signature covers the complete body, which must fit in memory",
        )
    return whole, None


def _refuse_files(draft: Draft) -> None:
    if draft.files:
        raise UsageError(
            f"the operation does not send files, but the call has {', '.join(draft.files)}",
            hint="remove the files, or set `body_format: multipart` or `raw` in the operation",
        )


@contextmanager
def _seal_errors() -> Iterator[None]:
    """Remove the details from errors of expressions over secrets, in every kind of authorization and signature."""
    try:
        yield
    except ExpressionError as error:
        raise seal_error(error) from None


def without_credential(operation: VendorOperation, draft: Draft) -> dict[str, Any]:
    """Return what expressions may read of a request: method, url, query and body, before authorization.

    Afterwards, its URL may contain the credential, and an override's expression could send that anywhere.
    """
    return {
        "method": draft.method,
        "url": _with_query(draft, operation),
        "query": dict(draft.query),
        "body": draft.body,
    }


def _with_query(draft: Draft, operation: VendorOperation) -> str:
    encoded = bodies.encode_query(draft.query, operation.query_format)
    if not encoded:
        return draft.url
    return f"{draft.url}{'&' if '?' in draft.url else '?'}{encoded}"
