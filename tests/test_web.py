"""`gongkai dev`: Dagster's server answers this machine's own pages, and nothing that came from elsewhere."""

from __future__ import annotations

import asyncio
import http.client
import http.server
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster._cli import dev

from pipeline.defs import web
from tests.browser import chromium

JSON = {"content-type": "application/json"}


def scope(path: str = "/", method: str = "GET", query: str = "", kind: str = "http", **headers: str) -> dict:
    """A request as ASGI tells of it; a header's ``_`` is ``-``."""
    named = {name.replace("_", "-"): value for name, value in ({"host": "127.0.0.1:3000"} | headers).items()}
    return {
        "type": kind,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        **({"method": method} if kind == "http" else {}),
    }


POST: dict[str, Any] = {"path": "/graphql", "method": "POST", "content_type": "application/json"}


@pytest.mark.parametrize(
    "asked",
    [
        scope(),
        scope(host="localhost:4000"),
        scope(host="[::1]:3000"),
        scope(sec_fetch_site="none", sec_fetch_mode="navigate"),
        scope("/runs", sec_fetch_site="cross-site", sec_fetch_mode="navigate"),
        scope(**POST),
        scope(**POST, origin="http://127.0.0.1:3000", sec_fetch_site="same-origin"),
        scope("/graphql", kind="websocket", origin="http://127.0.0.1:3000"),
        scope("/graphql", method="OPTIONS"),
    ],
)
def test_this_machine_s_own_pages_are_answered(asked: dict) -> None:
    assert web.refusal(asked) == ""


@pytest.mark.parametrize(
    "asked",
    [
        scope(host="rebound.example:3000"),
        scope(host="127.0.0.1.example:3000"),
        scope(host="127.0.0.1@evil.example"),
        scope(host="0.0.0.0:3000"),
        scope(host=""),
        scope(**POST, host="rebound.example:3000", origin="http://rebound.example:3000"),
        scope(**POST, origin="http://evil.example"),
        scope(**POST, origin="null"),
        scope(**POST, origin="http://127.0.0.1:8000"),
        scope("/graphql", kind="websocket", origin="http://evil.example"),
        scope("/graphql", kind="websocket", host="rebound.example"),
        scope("/server_info", sec_fetch_site="cross-site", sec_fetch_mode="no-cors"),
        scope("/graphql", sec_fetch_site="cross-site", sec_fetch_mode="navigate"),
        scope(**POST, sec_fetch_site="same-site"),
        scope("/graphql", query="query=mutation%7B...%7D"),
        scope("/graphql", method="POST", query="query=mutation%7B...%7D"),
        scope("/graphql", method="POST", content_type="text/plain", query="query=x"),
        scope("/graphql", method="POST", content_type="text/plain; a=application/json"),
    ],
)
def test_what_came_from_elsewhere_is_refused(asked: dict) -> None:
    assert web.refusal(asked)


def answered(asked: dict) -> list[Any]:
    """What the guard sends for a request; ``app`` where it handed it on."""
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send("app")

    async def send(said: Any) -> None:
        sent.append(said)

    async def receive() -> None:
        raise AssertionError("nothing of a refused request is read")

    asyncio.run(web.Guard(app)(asked, receive, send))
    return sent


def test_the_guard_hands_on_or_answers_itself() -> None:
    assert answered(scope()) == ["app"] and answered({"type": "lifespan"}) == ["app"]
    start, body = answered(scope(host="evil.example"))
    assert start["status"] == 403 and b"not the host" in body["body"]
    (closed,) = answered(scope("/graphql", kind="websocket", origin="http://evil.example"))
    assert (closed["type"], closed["code"]) == ("websocket.close", 1008)


def test_dagster_dev_starts_our_server_in_place_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """By dagster's own code: a version that starts its server otherwise fails here."""
    started: list[list[str]] = []

    def start(command: list[str], **_: object) -> None:
        started.append(command)
        raise SystemExit

    monkeypatch.setattr(dev, "open_ipc_subprocess", start)
    monkeypatch.setattr(web, "__spec__", type("Spec", (), {"name": "pipeline.defs.web"}))
    monkeypatch.setattr(sys, "argv", ["gongkai", "--empty-workspace", "-h", "127.0.0.1", "-p", "3999"])
    with pytest.raises(SystemExit):
        web.main()
    ((program, *words),) = started
    assert program == sys.executable
    assert words[:3] == ["-m", "pipeline.defs.web", "serve"]
    assert words[words.index("--host") + 1] == "127.0.0.1" and "dagster_webserver" not in words


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Dagster's own server as `gongkai dev` starts it, without any code of ours to load."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        free = one.getsockname()[1]
    command = [sys.executable, "-m", "pipeline.defs.web", "serve", "--empty-workspace"]
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(free)],
        cwd=tmp_path_factory.mktemp("web"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", free), 1).close()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < end, "the server does not start"
                time.sleep(0.1)
        yield free
    finally:
        process.terminate()
        process.wait(20)


def said(port: int, method: str, path: str, body: str = "", **headers: str) -> int:
    """The status of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    return connection.getresponse().status


VERSION = json.dumps({"query": "{ version }"})


@pytest.mark.slow
@pytest.mark.xdist_group("web")
def test_the_real_server_refuses_rebound_names_and_other_origins(port: int) -> None:
    assert said(port, "GET", "/server_info") == 200
    assert said(port, "POST", "/graphql", VERSION, content_type="application/json") == 200
    assert said(port, "GET", "/server_info", Host=f"evil.example:{port}") == 403
    origin = "http://evil.example"
    assert said(port, "POST", "/graphql", VERSION, content_type="application/json", Origin=origin) == 403
    # Dagster by itself runs these.
    assert said(port, "POST", "/graphql?query=%7Bversion%7D") == 403
    assert said(port, "GET", "/graphql?query=%7Bversion%7D") == 403
    with socket.create_connection(("127.0.0.1", port)) as one:
        assert one.getpeername()[0] == "127.0.0.1"


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """Another site, on another port of this machine, which a browser lets ask for more than one far away."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<p>elsewhere</p>")

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.slow
@pytest.mark.xdist_group("web")
def test_its_own_page_works_in_a_browser_and_a_foreign_one_reaches_nothing(
    port: int, elsewhere: str, tmp_path: Path
) -> None:
    opened = (
        f"new Promise((done) => {{ const one = new WebSocket('ws://127.0.0.1:{port}/graphql', 'graphql-ws');"
        " one.onopen = () => done('open'); one.onerror = () => done('refused'); })"
    )
    posted = json.dumps({"method": "POST", "headers": JSON, "body": VERSION})
    simple = "{method: 'POST', mode: 'no-cors'}"
    with chromium(tmp_path) as page:
        page.go(f"http://127.0.0.1:{port}/", "document.querySelector('#root')?.children.length")
        assert page.ask(opened) == "open"
        assert page.ask(f"fetch('/graphql', {posted}).then((answer) => answer.status)") == 200
        page.go(elsewhere, "document.querySelector('p')")
        assert page.ask(opened) == "refused"
        # Sent without asking first, so that only the server can refuse it.
        page.ask(f"fetch('http://127.0.0.1:{port}/graphql?query=%7Bversion%7D', {simple}).catch(() => 0)")
        page.wait("true")
        assert any("403" in complaint for complaint in page.complaints), page.complaints
