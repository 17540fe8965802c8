"""The explorer on this machine's loopback, with SQL answered by DuckDB here.

Here: who may ask, what a query may do and for how long. Not here: the files that are served (explore.py).
"""

from __future__ import annotations

import json
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import duckdb

from pipeline.publish import explore
from pipeline.warehouse_version import SCHEMA, newer, version_of

HOST = "127.0.0.1"
MAX_ROWS = 1000
MAX_TEXT = 2000
MAX_QUERY = 100_000
SECONDS = 20.0
_ALLOWED = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
# What queries of a browser may never do: touch files, the network, Python's variables, or these settings.
_LOCKED = (
    "set enable_external_access = false",
    "set python_enable_replacements = false",
    "set lock_configuration = true",
)


class Server(ThreadingHTTPServer):
    """Serves one warehouse, read-only, to this machine."""

    daemon_threads = True

    def __init__(self, path: Path, port: int = 0, megabytes: int = 1024, seconds: float = SECONDS) -> None:
        """Open the warehouse and the port.

        Args:
            path: the warehouse file.
            port: 0 takes a free one.
            megabytes: memory for queries.
            seconds: how long one query may take.
        Raises:
            ExploreFault: the warehouse is absent, or of an older or a newer version.
            OSError: the port is taken.
        """
        if not path.exists():
            raise explore.ExploreFault(f"there is no warehouse at {path}; `gongkai build` makes it")
        try:
            self.connection = duckdb.connect(str(path), read_only=True)
        except duckdb.Error as error:
            raise explore.ExploreFault(f"cannot open {path}: {str(error).splitlines()[0]}") from error
        self.connection.execute(f"set memory_limit = '{megabytes}MiB'")
        if (version := version_of(self.connection)) > SCHEMA:
            self.connection.close()
            raise explore.ExploreFault(newer(path, version))
        # Without a place to spill, a query too large ends with a message and leaves nothing behind.
        for setting in ("set temp_directory = ''", *_LOCKED):
            self.connection.execute(setting)
        self.explorer = explore.Explorer(self.connection, "server")
        self.seconds = seconds
        self.making, self.asking = threading.Lock(), threading.Lock()
        super().__init__((HOST, port), _Handler)

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.server_port}/"

    def server_close(self) -> None:
        """Close the port and the warehouse."""
        super().server_close()
        self.connection.close()

    def file(self, name: str) -> str | None:
        """A file of the explorer."""
        with self.making:
            return self.explorer.file(name)

    def ask(self, query: str) -> dict[str, Any]:
        """The answer to one query, or ``error``; at most ``MAX_ROWS`` rows, ``more`` where there are more."""
        with self.asking:
            return ask(self.connection, query, self.seconds)


def ask(connection: duckdb.DuckDBPyConnection, query: str, seconds: float = SECONDS) -> dict[str, Any]:
    """Run one select in a cursor of its own: columns, types, rows as texts; or ``error``, one message."""
    start = time.monotonic()
    cursor = connection.cursor()
    timer = threading.Timer(seconds, cursor.interrupt)
    timer.daemon = True
    try:
        said = cursor.extract_statements(query)
        if len(said) != 1 or said[0].type not in _ALLOWED:
            return {"error": "one query at a time: select, from, with, describe, summarize, show or explain"}
        timer.start()
        cursor.execute(said[0])
        rows = cursor.fetchmany(MAX_ROWS + 1)
        about = cursor.description or ()
        return {
            "columns": [str(column[0]) for column in about],
            "types": [str(column[1]) for column in about],
            "rows": [[_text(value) for value in row] for row in rows[:MAX_ROWS]],
            "more": len(rows) > MAX_ROWS,
            "seconds": round(time.monotonic() - start, 3),
        }
    except duckdb.InterruptException:
        return {"error": f"stopped after {seconds:g} seconds"}
    except duckdb.Error as error:
        return {"error": str(error)}
    finally:
        timer.cancel()
        cursor.close()


def _text(value: object) -> str | None:
    if value is None:
        return None
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…"


class _Handler(BaseHTTPRequestHandler):
    server: Server
    server_version = "gongkai"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_POST(self) -> None:
        """A query, from this page alone: another site's page cannot send this type or name this origin."""
        if not self._ours():
            return
        size = self.headers.get("Content-Length", "")
        if self.path != "/sql":
            self._send(HTTPStatus.NOT_FOUND, "text/plain", "not found")
        elif (
            self.headers.get_content_type() != "application/json"
            or self.headers.get("Origin") not in (None, *self._origins())
            or not size.isdecimal()
            or int(size) > MAX_QUERY
        ):
            self._send(HTTPStatus.FORBIDDEN, "text/plain", "not a query of this page")
        else:
            try:
                said = json.loads(self.rfile.read(int(size)))
                query = said["sql"]
            except (ValueError, KeyError, TypeError):
                query = None
            if isinstance(query, str):
                answer = json.dumps(self.server.ask(query), ensure_ascii=False)
                self._send(HTTPStatus.OK, "application/json", answer)
            else:
                self._send(HTTPStatus.BAD_REQUEST, "text/plain", "not a query")

    def _answer(self, with_body: bool) -> None:
        if not self._ours():
            return
        name = unquote(urlsplit(self.path).path).removeprefix("/") or explore.PAGE
        # A name is looked up among those of the explorer: nothing on disk can be named.
        text = self.server.file(name)
        if text is None:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", "not found", with_body)
        else:
            self._send(HTTPStatus.OK, explore.TYPES[PurePosixPath(name).suffix], text, with_body)

    def _origins(self) -> tuple[str, ...]:
        return tuple(f"http://{name}:{self.server.server_port}" for name in (HOST, "localhost"))

    def _ours(self) -> bool:
        """Whether the browser means this server: a foreign name that resolves to here is refused."""
        if f"http://{self.headers.get('Host')}" in self._origins():
            return True
        self._send(HTTPStatus.FORBIDDEN, "text/plain", "this is not the host you asked for")
        return False

    def _send(self, status: HTTPStatus, kind: str, text: str, with_body: bool = True) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", explore.POLICY + "; frame-ancestors 'none'")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing of each request."""
