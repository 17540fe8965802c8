"""Archives and messages: the one report in a ZIP, a saved web archive (MHT) or a mail (EML).

Here: which member is the report, bounds on unpacking, a web archive's page made whole.
Not here: reading the member (its own reader), archives inside archives (refused).
"""

from __future__ import annotations

import base64
import email.policy
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from pipeline.reading.document import ReadingError
from pipeline.reading.zips import DAMAGED

MAX_MEMBERS = 500
MAX_MEMBER = 100_000_000
MAX_RATIO = 300
"""Times that a large member may have been packed."""
RATIO_FROM = 20_000_000
MAX_MAIL = 60_000_000
MAX_PARTS = 1_000
"""Parts of a message, those of attached messages among them."""

KindOf = Callable[[Path], str]
_PACKED = (".zip", ".rar", ".7z", ".gz", ".tar", ".tgz", ".bz2", ".xz")
# What is a report before what goes with one: a note beside a report, a picture on its page.
_DOCUMENTS = (
    ".pdf .doc .docx .docm .dotx .wps .rtf .odt .html .htm .mht .mhtml .xls .xlsx .xlsm .et .eml .ofd"
)
_TIERS = (
    tuple(_DOCUMENTS.split()),
    (".txt", ".md"),
    (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp"),
)
_NOT_FILES = re.compile(r"(^|/)(__MACOSX/|\._|\.DS_Store$|Thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
_DEEP = "an archive or message inside another. Unpack it into the raw folder."
_CHARSET = re.compile(rb"charset\s*=", re.IGNORECASE)


@contextmanager
def unpacked(path: Path, kind_of: KindOf) -> Iterator[tuple[Path, str]]:
    """The one report in an archive or message as a file of its own, gone afterwards, with its name.

    A text or picture counts only where there is no document beside it. A member that is itself an
    archive or message is not opened.

    Raises:
        ReadingError: ``unsupported`` for none or several reports or nested archives, ``encrypted``,
            ``unreadable`` for what is damaged or unpacks to too much.
    """
    with tempfile.TemporaryDirectory(prefix="gongkai-") as folder:
        take = _from_zip if kind_of(path) == "zip" else _from_mail
        member, name = take(path, Path(folder))
        if kind_of(member) in ("zip", "mail"):
            raise ReadingError("unsupported", _DEEP)
        yield member, name


def _chosen(names: Sequence[str], what: str) -> int:
    """Which of the names is the report."""
    endings = [PurePosixPath(name.replace("\\", "/")).suffix.lower() for name in names]
    if any(ending in _PACKED for ending in endings):
        raise ReadingError("unsupported", _DEEP)
    for tier in _TIERS:
        found = [i for i, ending in enumerate(endings) if ending in tier]
        if len(found) == 1:
            return found[0]
        if found:
            raise ReadingError(
                "unsupported", f"{len(found)} reports in one {what}; unpack it into the raw folder."
            )
    raise ReadingError("unsupported", f"no report in this {what}. Unpack it and add the report's file.")


def _named(folder: Path, name: str) -> Path:
    """A file for a member: only its ending is taken from its name, which may hold anything."""
    ending = PurePosixPath(name.replace("\\", "/")).suffix.lower()
    return folder / f"report{ending if any(ending in tier for tier in _TIERS) else ''}"


# ZIP


def _from_zip(path: Path, folder: Path) -> tuple[Path, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            # One without a name is no file; zipfile itself fails where it is asked whether it is a folder.
            named = [info for info in archive.infolist() if info.filename]
            members = [i for i in named if not i.is_dir() and not _NOT_FILES.search(i.filename)]
            if len(members) > MAX_MEMBERS:
                raise ReadingError(
                    "unsupported", f"{len(members):,} files in one archive; unpack it into the raw folder."
                )
            names = [_name(info) for info in members]
            at = _chosen(names, "archive")
            info = members[at]
            _check(info)
            target = _named(folder, names[at])
            with archive.open(info) as member:
                # As many bytes as it says: one that lies about its size is never unpacked whole.
                target.write_bytes(member.read(info.file_size + 1))
            return target, names[at]
    except DAMAGED as fault:
        raise ReadingError("unreadable", f"a damaged or cut-off archive ({fault}). Fetch it again.") from None


def _check(info: zipfile.ZipInfo) -> None:
    if info.flag_bits & 1:
        raise ReadingError("encrypted", "the archive needs a password. Unpack it into the raw folder.")
    packed = info.file_size > RATIO_FROM and info.file_size > MAX_RATIO * max(info.compress_size, 1)
    if packed or info.file_size > MAX_MEMBER:
        raise ReadingError(
            "unreadable", f"unpacks to {info.file_size:,} bytes, more than a report holds. Check the archive."
        )


def _name(info: zipfile.ZipInfo) -> str:
    """A member's name; those that Windows wrote in its Chinese code page come as another one's letters."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return info.filename


# MHT and EML


@dataclass(frozen=True, slots=True)
class _Part:
    name: str
    kind: str
    data: bytes
    charset: str
    attached: bool
    location: str
    content_id: str


def _from_mail(path: Path, folder: Path) -> tuple[Path, str]:
    size = path.stat().st_size
    if size > MAX_MAIL:
        raise ReadingError("unreadable", f"a message of {size:,} bytes. Save its report as a file.")
    try:
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        parts = _parts(message)
    except (RecursionError, LookupError, ValueError, TypeError, AttributeError, IndexError) as fault:
        # The standard library's parser trips over malformed headers in each of these ways.
        raise ReadingError(
            "unreadable", f"a damaged message ({type(fault).__name__}). Save its report as a file."
        ) from None
    attached = [part for part in parts if part.attached and _is_report(part.name)]
    if attached:
        part = attached[_chosen([part.name for part in attached], "message")]
        target = _named(folder, part.name)
        target.write_bytes(part.data)
        return target, part.name
    page = next((part for part in parts if part.kind == "text/html" and part.data.strip()), None)
    if page is not None:
        target = folder / "report.html"
        target.write_bytes(_whole_page(page, parts))
        return target, page.name or page.location or "text/html"
    text = next((part for part in parts if part.kind == "text/plain" and part.data.strip()), None)
    if text is not None:
        target = folder / "report.txt"
        target.write_bytes(_as_utf8(text.data, text.charset))
        return target, text.name or "text/plain"
    raise ReadingError("unsupported", "a message without text or a report. Add the report's own file.")


def _parts(message: EmailMessage) -> list[_Part]:
    """The leaves of a message in order, those of messages attached to it among them."""
    found: list[_Part] = []
    for count, part in enumerate(message.walk()):
        if count >= MAX_PARTS:
            raise ReadingError("unreadable", "more parts than any message has. Save its report as a file.")
        if part.is_multipart():
            continue
        data = part.get_payload(decode=True)
        if not isinstance(data, bytes):
            continue
        name = part.get_filename() or ""
        found.append(
            _Part(
                name=name,
                kind=part.get_content_type(),
                data=data,
                charset=part.get_content_charset() or "",
                attached=bool(name) and part.get_content_disposition() == "attachment",
                location=str(part.get("Content-Location", "")).strip(),
                content_id=str(part.get("Content-ID", "")).strip(" <>"),
            )
        )
    return found


def _is_report(name: str) -> bool:
    ending = PurePosixPath(name.replace("\\", "/")).suffix.lower()
    return ending in _PACKED or any(ending in tier for tier in _TIERS[:2])


def _whole_page(page: _Part, parts: Sequence[_Part]) -> bytes:
    """A page with the pictures that came with it put into it."""
    html = _as_utf8(page.data, page.charset) if not _CHARSET.search(page.data[:8192]) else page.data
    for part in parts:
        if not part.kind.startswith("image/"):
            continue
        inside = b'"data:%s;base64,%s"' % (part.kind.encode("ascii", "replace"), base64.b64encode(part.data))
        # Word names pictures by folder and file, browsers by their whole address, mail by their id.
        for name in dict.fromkeys((part.location, *_tails(part.location), f"cid:{part.content_id}")):
            if len(name) > 4:
                for quote in (b'"', b"'"):
                    html = html.replace(quote + name.encode("utf-8", "replace") + quote, inside)
    return html


def _tails(location: str) -> Iterator[str]:
    tail = "/".join(location.replace("\\", "/").split("/")[-2:])
    yield from (tail, unquote(tail))


def _as_utf8(data: bytes, charset: str) -> bytes:
    """Bytes that say themselves that they are UTF-8, where their header named another charset."""
    name = "gb18030" if charset.lower() in ("gb2312", "gbk", "gb_2312-80", "x-gbk") else charset
    try:
        return b"\xef\xbb\xbf" + data.decode(name or "utf-8").encode("utf-8")
    except (LookupError, UnicodeError):
        return data
