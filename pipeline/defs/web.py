"""Dagster's web UI for this machine alone: no page of another site reads it or starts a run through it.

Here: who may ask, and ``dagster dev`` with that in front of its web server. Its own server answers whoever
reaches it, runs a mutation that stands in an address, and knows no origins.
As a program: ``python -m pipeline.defs.web`` takes what ``dagster dev`` takes.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from dagster._cli import dev
from dagster._cli import main as dagster_main
from dagster_webserver.cli import main as webserver_main
from dagster_webserver.webserver import DagsterWebserver
from starlette.middleware import Middleware

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

NAMES = ("127.0.0.1", "localhost", "::1")
_SERVER = "dagster_webserver"
_SERVE = "serve"
_QUERIES = "/graphql"
_QUERY_TYPES = ("application/json", "application/graphql")
_POLICY_VIOLATION = 1008


def refusal(scope: Scope) -> str:
    """Why a request is not answered, in a line; empty where it is.

    A name that is not of this machine is one that was made to lead here (DNS rebinding); an origin or a
    fetch from elsewhere is another site's page in the user's browser. Ports are not compared, so that a
    tunnel from another port still works.

    Args:
        scope: of ASGI, http or websocket.
    """
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    host = headers.get("host", "")
    if urlsplit(f"//{host}").hostname not in NAMES:
        return "this is not the host you asked for"
    if headers.get("origin") not in (None, f"http://{host}", f"https://{host}"):
        return "another site's page may not ask here"
    method, path = scope.get("method", "GET"), scope["path"]
    queries = path.startswith(_QUERIES)
    if headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        looks = method in ("GET", "HEAD") and headers.get("sec-fetch-mode") == "navigate" and not queries
        if not looks:
            return "another site's page may not ask here"
    if scope["type"] == "http" and queries:
        if method == "GET" and scope.get("query_string"):
            return "a query is posted, and stands in no address"
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if method == "POST" and kind not in _QUERY_TYPES:
            return "a query is posted as JSON"
    return ""


class Guard:
    """ASGI: answers 403, or closes the socket, where ``refusal`` says why; else hands on."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        why = refusal(scope) if scope["type"] in ("http", "websocket") else ""
        if not why:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": why})
        else:
            headers = [(b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": why.encode()})


def serve() -> None:
    """Dagster's web server behind the guard, with the options of the command line."""
    plain = DagsterWebserver.build_middleware

    def guarded(self: DagsterWebserver) -> list[Middleware]:
        return [Middleware(Guard), *plain(self)]

    DagsterWebserver.build_middleware = guarded  # type: ignore[method-assign]
    webserver_main()


def guarded_command(command: Sequence[str]) -> list[str]:
    """A command of ``dagster dev`` for a process of its own, the web server's being ours."""
    if _SERVER not in command:
        return list(command)
    place = list(command).index(_SERVER)
    return [*command[:place], __spec__.name, _SERVE, *command[place + 1 :]]


def main() -> None:
    """``dagster dev`` with the options of the command line."""
    start = dev.open_ipc_subprocess
    dev.open_ipc_subprocess = lambda parts, **options: start(guarded_command(parts), **options)
    sys.argv = ["dagster", "dev", *sys.argv[1:]]
    dagster_main()


if __name__ == "__main__":
    if sys.argv[1:2] == [_SERVE]:
        del sys.argv[1]
        serve()
    else:
        main()
