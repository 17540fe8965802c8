"""Web servers on loopback that publish reports as real systems do, and misbehave on demand.

Here: one ``Site`` with its pages and a log of what was asked, and a builder for each kind of system.
Everything that a site says is made here; no page of a real site is repeated.
"""

from __future__ import annotations

import gzip
import hashlib
import ipaddress
import json
import ssl
import struct
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit


@dataclass
class Answer:
    """What a path answers. ``after`` serves something else first, once for each entry."""

    body: bytes = b""
    kind: str = "text/html; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    etag: bool = True
    modified: str = ""
    before: list[Answer] = field(default_factory=list)
    drip: float = 0.0
    cut: int = 0
    needs_cookie: str = ""
    wait: float = 0.0


Page = Answer | Callable[[dict[str, str], str], Answer]


@dataclass
class Site:
    """The pages of a server by path with query, and what was asked of it."""

    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    url: str = ""
    delay: float = 0.0

    @property
    def host(self) -> str:
        """Host and port, as a source names them."""
        return urlsplit(self.url).netloc

    @property
    def paths(self) -> list[str]:
        """Paths asked for, robots.txt aside."""
        return [path for _, path, _ in self.asked if path != "/robots.txt"]

    def html(self, path: str, body: str, charset: str = "utf-8", **more: object) -> Answer:
        """Add a page."""
        said = f"<!DOCTYPE html><html><head><meta charset='{charset}'>{more.pop('head', '')}</head>"
        text = f"{said}<body>{body}</body></html>"
        answer = Answer(text.encode(charset), f"text/html; charset={charset}", **more)  # type: ignore[arg-type]
        self.pages[path] = answer
        return answer

    def file(self, path: str, body: bytes, kind: str = "application/octet-stream", **more: object) -> Answer:
        """Add a file."""
        answer = Answer(body, kind, **more)  # type: ignore[arg-type]
        self.pages[path] = answer
        return answer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for the acknowledgement of its head
    site: Site

    def do_GET(self) -> None:
        self._answer("")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())

    def _answer(self, body: str) -> None:
        site = self.site
        headers = dict(self.headers.items())
        site.asked.append((self.command, self.path, {**headers, "body": body}))
        page = site.pages.get(self.path) or site.pages.get(urlsplit(self.path).path)
        if site.delay:
            time.sleep(site.delay)
        if callable(page):
            query = {k: v[-1] for k, v in parse_qs(urlsplit(self.path).query).items()}
            page = page({**query, **{k: v[-1] for k, v in parse_qs(body).items()}}, body)
        if page is None:
            page = Answer(b"<html><body>404</body></html>", status=404)
        if page.before:
            page = page.before.pop(0)
        if page.needs_cookie and page.needs_cookie not in headers.get("Cookie", ""):
            page = Answer(
                status=302, headers={"Location": self.path, "Set-Cookie": f"{page.needs_cookie}; Path=/"}
            )
        self._send(page, headers)

    def _send(self, page: Answer, headers: dict[str, str]) -> None:
        if page.wait:
            time.sleep(page.wait)
        etag = '"' + hashlib.md5(page.body).hexdigest() + '"'
        same = page.etag and headers.get("If-None-Match") == etag
        same = same or bool(page.modified and headers.get("If-Modified-Since") == page.modified)
        status = 304 if same and page.status == 200 else page.status
        body = b"" if status == 304 else page.body
        try:
            self.send_response(status)
            if page.etag and page.status == 200:
                self.send_header("ETag", etag)
            if page.modified:
                self.send_header("Last-Modified", page.modified)
            if status != 304:
                self.send_header("Content-Type", page.kind)
                self.send_header("Content-Length", str(len(body)))
            for name, value in page.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if page.cut:
                body, self.close_connection = body[: page.cut], True
            if page.drip:
                for byte in body:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(page.drip)
            else:
                self.wfile.write(body)
            if status == 200:
                self.site.sent[self.path] += 1
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def serving(address: str = "127.0.0.1", certificate: Path | None = None) -> Iterator[Site]:
    """A site on a free port of a loopback address; over TLS with a certificate and its key in one file."""
    site = Site()
    site.pages["/robots.txt"] = Answer(b"User-agent: *\nAllow: /\n", "text/plain")
    handler = type("Handler", (_Handler,), {"site": site})
    server = ThreadingHTTPServer((address, 0), handler)
    server.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "http" if certificate is None else "https"
    site.url = f"{scheme}://{address}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()


def self_signed(folder: Path, address: str = "127.0.0.1") -> Path:
    """A certificate that nobody vouches for, with its key, in one file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, address)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "certificate.pem"
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM) + private)
    return path


# What is published.

FILLER = "本机关按照条例要求整理本年度工作情况，现将有关数据和文字一并向社会发布，欢迎监督。"


@dataclass(frozen=True)
class Published:
    """A report as a site shows it: ``shape`` is page, pdf, docx, scan (page of pictures) or both."""

    agency: str
    year: int
    shape: str = "page"

    @property
    def title(self) -> str:
        """What the list calls it."""
        return f"{self.agency}{self.year}年政府信息公开工作年度报告"

    def text(self, times: int = 30) -> str:
        """The report's page."""
        return f"<h1>{self.title}</h1><div id='zoom'>" + f"<p>{self.agency}{FILLER}</p>" * times + "</div>"


REPORTS = tuple(
    Published(agency, year, shape)
    for (agency, shape) in (
        ("示范区甲局", "page"), ("示范区乙局", "pdf"),
        ("示范区丙镇", "docx"), ("示范区丁街道", "scan"), ("示范区戊办", "both"),
    )
    for year in (2022, 2023, 2024)
)  # fmt: skip


def pdf(text: str) -> bytes:
    """Bytes that begin and end like a PDF."""
    return b"%PDF-1.4\n" + text.encode() * 20 + b"\n%%EOF\n"


def docx(text: str) -> bytes:
    """A ZIP with the parts of a Word file."""
    import io
    import zipfile

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in ("[Content_Types].xml", "word/document.xml"):
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), f"<x>{text}</x>")
    return stream.getvalue()


def png(seed: str, size: int = 60) -> bytes:
    """A picture of noise that grows with ``size``."""
    noise = hashlib.shake_128(seed.encode()).digest(size * size)
    rows = b"".join(b"\0" + noise[i * size : (i + 1) * size] for i in range(size))

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def put_report(
    site: Site, path: str, report: Published, base: str | None = None, charset: str = "utf-8"
) -> int:
    """Publish one report's page and what belongs to it; how many documents should come of it."""
    folder, name = (base or path.rsplit("/", 1)[0]), f"{zlib.crc32(report.title.encode())}"
    head = (
        f"<meta name='ArticleTitle' content='{report.title}'>"
        f"<meta name='PubDate' content='{report.year + 1}-01-20'>"
    )
    furniture = "<img src='/images/logo.png'><a href='/'>首页</a><a href='/zwgk/'>政务公开</a>"
    short = f"<h1>{report.title}</h1><p>详见附件。</p>"
    if report.shape in ("pdf", "docx"):
        body = pdf(report.title) if report.shape == "pdf" else docx(report.title)
        # Wrong on purpose: many servers send Word files as plain text.
        site.file(f"{folder}/P{name}.{report.shape}", body, "text/plain")
        link = f"<a href='P{name}.{report.shape}'>附件：{report.title}.{report.shape}</a>"
        site.html(path, furniture + short + link, charset, head=head)
        return 1
    if report.shape == "scan":
        for number in (1, 2):
            site.file(f"{folder}/W{name}_{number}.png", png(report.title + str(number)), "image/png")
        pictures = f"<img src='W{name}_1.png'><img src='./W{name}_2.png'>"
        site.html(path, furniture + f"<h1>{report.title}</h1>{pictures}", charset, head=head)
        return 1
    extra = ""
    if report.shape == "both":
        site.file(f"{folder}/P{name}.pdf", pdf(report.title), "application/pdf")
        extra = f"<a href='./P{name}.pdf'>下载</a>"
    site.html(path, furniture + report.text() + extra, charset, head=head)
    return 2 if extra else 1


def _item(url: str, report: Published) -> str:
    link = f"<a href='{url}' title='{report.title}'>{report.title}</a>"
    return f"<li>{link}<span>{report.year + 1}-01-20</span></li>"


NOISE = (
    "<a href='/gkzn/index.html'>政府信息公开指南</a><a href='/ysqgk.html'>依申请公开</a>"
    "<a href='javascript:void(0)'>打印</a><a href='mailto:a@example.invalid'>邮箱</a>"
)


MANY = 48


def hanweb_static(site: Site) -> tuple[str, int]:
    """A list whose first records stand in the page and the others come from dataproxy.jsp."""
    items, documents = [], 0
    for n, report in enumerate(REPORTS):
        path = f"/art/{report.year + 1}/1/{n + 1}/art_126585_{1000 + n}.html"
        documents += put_report(site, path, report)
        items.append(_item(path, report))
    # The same article under another column is the same report.
    put_report(site, "/art/2023/1/9/art_99_1000.html", REPORTS[0])
    items.append(_item("/art/2023/1/9/art_99_1000.html", REPORTS[0]))

    def records(some: list[str]) -> str:
        return "".join(f"<record><![CDATA[{one}]]></record>" for one in some)

    def proxy(asked: dict[str, str], body: str) -> Answer:
        assert asked["columnid"] == "126585" and asked["unitid"] == "247686" and asked["webid"] == "39", body
        first, last = int(asked["startrecord"]), int(asked["endrecord"])
        some = records((items + _many(site))[first - 1 : last])
        total = len(items) + MANY
        head = f"<?xml version='1.0'?><datastore><totalrecord>{total}</totalrecord>"
        return Answer(f"{head}<recordset>{some}</recordset></datastore>".encode(), "text/xml")

    site.pages["/module/web/jpage/dataproxy.jsp"] = proxy
    script = (
        "<div id='247686'><script type='text/xml'><datastore><nextgroup><![CDATA["
        "<a href='/module/web/jpage/dataproxy.jsp?page=1&appid=1&webid=39&path=/"
        "&columnid=126585&unitid=247686&webname=x&permissiontype=0'></a>]]></nextgroup>"
        f"<recordset>{records(items[:5])}</recordset></datastore></script></div>"
    )
    site.html("/col/col126585/index.html", NOISE + script)
    return "/col/col126585/index.html", documents + MANY


def _many(site: Site) -> list[str]:
    """Further reports, so that a list has more than one window of sixty."""
    items = []
    for n in range(MANY):
        report = Published(f"示范区第{n}所", 2024)
        path = f"/art/2025/1/3/art_126585_{5000 + n}.html"
        if path not in site.pages:
            put_report(site, path, report)
        items.append(_item(path, report))
    return items


def hanweb_units(site: Site) -> tuple[str, int]:
    """A list that the page builds from the unit API, in pages of six."""
    items, documents = [], 0
    for n, report in enumerate(REPORTS):
        path = f"/zwgk/art/2025/art_{hashlib.md5(str(n).encode()).hexdigest()}.html"
        documents += put_report(site, path, report)
        items.append(_item(path, report))

    def unit(asked: dict[str, str], _: str) -> Answer:
        number = json.loads(asked["paramJson"])["pageNo"] if "paramJson" in asked else 1
        assert asked["parseType"] == "bulidstatic" and asked["webId"] == "w1"
        # Beyond the last page this server gives the last one again.
        start = min((number - 1) * 6, 12)
        part = "".join(items[start : start + 6])
        return Answer(json.dumps({"data": {"html": f"<ul>{part}</ul>"}}).encode(), "application/json")

    site.pages["/api-gateway/jpaas-publish-server/front/page/build/unit"] = unit
    ids = "{'webId':'w1','pageId':'p1','tplSetId':'s1','tagId':'信息列表'}"
    site.html(
        "/zwgk/xxgknb/index.html",
        NOISE + f"<script src='/unitbuild.js' url='/api-gateway/x' queryData=\"{ids}\"></script>",
    )
    return "/zwgk/xxgknb/index.html", documents


def hanweb_servlet(site: Site) -> tuple[str, int]:
    """One address for each agency and year; agencies without a report of a year answer 404."""
    area = {"示范区甲局": "11371082004363781R", "示范区乙局": "113708260043292687"}
    documents, links = 0, []
    for report in REPORTS:
        if report.agency in area:
            path = f"/module/xxgk/xxgkAnnualReport.jsp?area={area[report.agency]}&fbtime={report.year}"
            documents += put_report(site, path, report, base="/module/xxgk")
    for code in area.values():
        links.append(f"<a href='/module/xxgk/xxgkAnnualReport.jsp?area={code}&amp;fbtime=2024'>年度报告</a>")
    site.html("/col/col7/index.html", "".join(links))
    return "/col/col7/index.html", documents


def trs(site: Site) -> tuple[str, int]:
    """Pages index, index_1, index_2 by createPageHTML; columns by year below; wap twins; GB18030."""
    documents, items = 0, []
    for n, report in enumerate(REPORTS):
        path = f"/zwgk/zfxxgknb/{report.year + 1}01/t{report.year + 1}0120_{3000 + n}.html"
        documents += put_report(site, path, report, charset="gb18030")
        items.append(_item(path, report) + _item(path.replace(".html", "_wap.html"), report))
    for number in range(3):
        name = "index.html" if number == 0 else f"index_{number}.html"
        part = "".join(items[number * 5 : number * 5 + 5])
        script = f"<script>createPageHTML(3, {number}, 'index', 'html');</script>"
        below = "<a href='./2021n/'>2021年</a><a href='./2002n/'>2002年</a>" if number == 0 else ""
        site.html(f"/zwgk/zfxxgknb/{name}", NOISE + below + part + script, "gb18030")
    site.pages["/zwgk/zfxxgknb/"] = site.pages["/zwgk/zfxxgknb/index.html"]
    older = Published("示范区甲局", 2021)
    path = "/zwgk/zfxxgknb/2021n/202201/t20220120_3999.html"
    documents += put_report(site, path, older)
    site.html("/zwgk/zfxxgknb/2021n/", _item("./202201/t20220120_3999.html", older))
    return "/zwgk/zfxxgknb/", documents


def gkmlpt(site: Site) -> tuple[str, int]:
    """A list by the API, four a page; pages beyond the last answer 404."""
    documents, articles = 0, []
    for n, report in enumerate(REPORTS):
        path = f"/gkmlpt/content/4/46{n:02d}/post_46{n:02d}.html"
        documents += put_report(site, path, report)
        articles.append(
            {"title": report.title, "url": site.url + path, "created_at": f"{report.year + 1}-01-20 10:00"}
        )
    articles.append({"title": "政府信息公开指南", "url": site.url + "/gkmlpt/content/4/1/post_1.html"})

    def api(asked: dict[str, str], _: str) -> Answer:
        assert asked["sid"] == "200025"
        number = int(asked["page"])
        part = articles[(number - 1) * 4 : number * 4]
        if not part:
            return Answer(status=404)
        body = {"classify": {"post_count": len(articles) + 3}, "articles": part}
        return Answer(json.dumps(body).encode(), "application/json")

    site.pages["/gkmlpt/api/all/2655"] = api
    site.html("/gkmlpt/index", "<script>window._CONFIG = {SID: '200025'}</script>")
    return "/gkmlpt/index#2655", documents


def c_code(site: Site) -> tuple[str, int]:
    """A column for each year, its pages counted from 1; print and app twins."""
    documents = 0
    for year in (2022, 2023, 2024):
        column, items = f"/haerbin/c1061{year % 100}", []
        for n, report in enumerate(r for r in REPORTS if r.year == year):
            # The month in the address is that of a migration.
            path = f"{column}/202202/c01_{year}{n:03d}.shtml"
            documents += put_report(site, path, report)
            items.append(_item(path, report) + _item(path + "?print=1", report))
        site.html(
            f"{column}/",
            "".join(items[:3]) + "<script>createPageHTML('page', 2, 1, 'list', 'shtml')</script>",
        )
        site.html(f"{column}/list_2.shtml", "".join(items[3:]) + "<a href='list_2.shtml'>2</a>")
    links = "".join(f"<a href='/haerbin/c1061{y % 100}/'>{y}年</a>" for y in (2022, 2023, 2024))
    site.html("/haerbin/c100/", NOISE + links + "<a href='/haerbin/c999/'>领导信箱</a>")
    return "/haerbin/c100/", documents


def openness(site: Site) -> tuple[str, int]:
    """Lists by year, shown under an id."""
    documents = 0
    for year in (2022, 2023, 2024):
        items = []
        for n, report in enumerate(r for r in REPORTS if r.year == year):
            path = f"/OpennessAnnualReport/show/{year}{n}.html"
            documents += put_report(site, path, report)
            items.append(_item(path, report))
        years = "".join(
            f"<a href='/OpennessAnnualReport/year/5/{y}.html'>{y}年</a>" for y in (2022, 2023, 2024)
        )
        site.html(f"/OpennessAnnualReport/year/5/{year}.html", years + "".join(items))
    return "/OpennessAnnualReport/year/5/2024.html", documents


def vsb(site: Site) -> tuple[str, int]:
    """Lists counted downwards behind a next link; attachments by a download servlet."""
    documents, items = 0, []
    for n, report in enumerate(REPORTS):
        path = f"/info/1042/{57000 + n}.htm"
        if report.shape == "pdf":
            link = f"/system/_content/download.jsp?urltype=news.DownloadAttachUrl&owner=1&wbfileid={n}"
            site.file(link, pdf(report.title), "application/octet-stream")
            site.html(path, f"<h1>{report.title}</h1><a href='{link}'>附件【{report.title}.pdf】</a>")
            documents += 1
        else:
            documents += put_report(site, path, report)
        items.append(_item(path, report))
    for number in range(4):
        path = "/zfxxgknb.htm" if number == 0 else f"/zfxxgknb/{4 - number}.htm"
        following = f"/zfxxgknb/{3 - number}.htm"
        turn = f"<a href='{following}' class='Next'>下页</a>" if number < 3 else ""
        site.html(path, NOISE + "".join(items[number * 4 : number * 4 + 4]) + turn)
    return "/zfxxgknb.htm", documents


def generic(site: Site) -> tuple[str, int]:
    """A site of no known make: pages by query, a viewer for files."""
    documents, items = 0, []
    for n, report in enumerate(REPORTS):
        path = f"/GovOpenShow.aspx?id={n}"
        if report.shape == "pdf":
            site.file(f"/upload/{n}.pdf", pdf(report.title), "application/pdf")
            site.html(
                path, f"<h1>{report.title}</h1><iframe src='/viewer.html?file=/upload/{n}.pdf'></iframe>"
            )
            documents += 1
        else:
            documents += put_report(site, path, report, base="")
        items.append(_item(path, report))
    for number in range(1, 4):
        turn = f"<a href='/list.aspx?page={number + 1}'>下一页</a>" if number < 3 else ""
        site.html(f"/list.aspx?page={number}", NOISE + "".join(items[number * 5 - 5 : number * 5]) + turn)
    return "/list.aspx?page=1", documents


def bomb(megabytes: int) -> Answer:
    """A small answer that unpacks to many megabytes."""
    return Answer(
        gzip.compress(b"\0" * megabytes * 1_000_000), "application/pdf", headers={"Content-Encoding": "gzip"}
    )
