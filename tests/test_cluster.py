"""Reading on a Dask cluster of two workers gives what reading here gives; what dies costs only itself."""

from __future__ import annotations

import gc
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline import cli, reading_cluster, steps, warehouse
from pipeline.defs.launch import Outcome, run_build
from pipeline.raw_url import list_url
from pipeline.reading_beside import Beside
from pipeline.reading_cluster import ClusterFault, read_on_cluster, versions
from pipeline.reading_pool import Limits, read_files
from pipeline.settings import SettingsFault
from pipeline.settings import settings as settings_of
from tests import fakes
from tests.test_build import contents, own_instance, query, reports, settings
from tests.test_reading_pool import files_of

distributed = pytest.importorskip("distributed", reason="needs the extra: pip install 'gongkai[cluster]'")

__all__ = ["own_instance"]
pytestmark = pytest.mark.xdist_group("cluster")
ROOT = Path(__file__).parents[1]
LIMITS = Limits(20, 2048)
_ENVIRONMENT = {
    # The first death of a worker is a retry, the second one is laid to the task.
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
    "DASK_DISTRIBUTED__WORKER__DAEMON": "False",
    "PYTHONPATH": str(ROOT),
}


@contextmanager
def started(*command: str, says: str, **environment: str) -> Iterator[str]:
    """One of Dask's programs, as people start it; gives the address that it tells."""
    with subprocess.Popen(
        [sys.executable, "-m", "dask", *command],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **_ENVIRONMENT, **environment},
    ) as process:
        assert process.stderr is not None
        try:
            told = ""
            for line in process.stderr:
                told += line
                if found := re.search(says + r":\s+(t\w+://\S+)", line):
                    break
            else:
                pytest.fail(told)
            threading.Thread(target=process.stderr.read, daemon=True).start()
            yield found[1]
        finally:
            process.terminate()


@contextmanager
def cluster(workers: int, *options: str, **environment: str) -> Iterator[str]:
    """A scheduler and workers, each in processes of its own on loopback."""
    with ExitStack() as stack:
        own = ("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        address = stack.enter_context(started(*own, says="Scheduler at"))
        command = ("worker", address, "--nworkers", str(workers), "--nthreads", "1", "--no-dashboard")
        if workers:
            stack.enter_context(started(*command, *options, says="Registered to", **environment))
            with distributed.Client(address, set_as_default=False) as client:
                client.wait_for_workers(workers, timeout=60)
        yield address


@pytest.fixture(scope="module")
def two() -> Iterator[str]:
    with cluster(2) as address:
        yield address


def build(folder: Path, address: str, **other: object) -> Outcome:
    executor = address.replace("tcp:", "dask:")
    return run_build(
        settings(folder, executor=executor), folder / "build.log", read=fakes.read_either, **other
    )  # type: ignore[arg-type]


def real_reports(raw: Path) -> list[Path]:
    """One of the project's samples of each kind that is read without a further program."""
    found = []
    for ending in (".pdf", ".docx", ".html"):
        sample = next(iter(sorted((ROOT / "data" / "raw").rglob(f"*{ending}"))))
        found.append(Path(shutil.copy2(sample, raw)))
    return found


def test_the_tables_are_the_same_although_a_worker_is_killed(tmp_path: Path, two: str) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    reports(there)
    once = str(tmp_path / "killed")
    fakes.write(
        there / "raw", "d/2023.txt", agency="乙", year=2023, do="crash the cluster's worker", once=once
    )
    real = real_reports(there / "raw")
    shutil.copytree(there / "raw", here / "raw")
    outcome = build(there, two)
    assert outcome == Outcome(None, read=9 + len(real), known=0)
    assert Path(once).exists()
    assert build(here, "local") == outcome
    assert contents(there) == contents(here)
    found = dict(query(there, "select path, status || ': ' || coalesce(message, '') from dim_document"))
    assert found["d/2023.txt"] == "parsed: "
    assert {found[path.name] for path in real} == {"parsed: "}
    assert found["crash.txt"].startswith("unreadable: reading it ended the worker process twice")


def test_the_limits_of_a_document_hold_on_the_workers(tmp_path: Path, two: str) -> None:
    files_of(tmp_path, "hang.txt", do="hang")
    files = files_of(tmp_path, "eat.txt", do="eat")
    found = {r.name: r.report for r in read_on_cluster(files, fakes.read_fake, two, Limits(2, 2048))}
    assert {report.status for report in found.values()} == {"unreadable"}
    assert found["hang.txt"].message.startswith("reading it took longer than 2 s")
    # The first line of what may end it: the bound itself, or the worker that it ends.
    assert re.match("reading it (took more memory than 2048 MB|ended the worker)", found["eat.txt"].message)


def test_a_file_that_ends_workers_is_unreadable_and_costs_no_other(tmp_path: Path, two: str) -> None:
    files_of(tmp_path, "bad.txt", do="crash the cluster's worker")
    files = files_of(tmp_path, "a.txt", "b.txt")
    found = {r.name: r for r in read_on_cluster(files, fakes.read_fake, two, LIMITS)}
    assert {name: r.report.status for name, r in found.items()} == {
        "a.txt": "parsed",
        "b.txt": "parsed",
        "bad.txt": "unreadable",
    }
    assert found["bad.txt"].report.message.startswith("reading it ended 2 workers of the cluster")
    assert found["bad.txt"].only_under == str(LIMITS)


def test_a_file_that_is_not_there_any_more_gets_the_status_that_it_gets_here(
    tmp_path: Path, two: str
) -> None:
    files = files_of(tmp_path, "a.txt", "b.txt", "c.txt")
    files[1].place.unlink()
    files[2].place.write_text("{}")
    there, here = (
        {r.name: (r.payload, r.only_under) for r in readings}
        for readings in (
            read_on_cluster(files, fakes.read_fake, two, LIMITS),
            read_files(files, fakes.read_fake, 1, LIMITS),
        )
    )
    assert there == here and there["b.txt"][1] == there["c.txt"][1] == "this run"


def test_a_page_with_a_picture_in_a_file_beside_it_is_read_where_that_file_is(
    tmp_path: Path, two: str
) -> None:
    names = ("图 1.png", "p_files/image001.png")
    for number, name in enumerate(names):
        there = tmp_path / "raw" / f"{number}" / name
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_text("beside")
        fakes.write(tmp_path / "raw", f"{number}/page.txt", year=2023, beside=name)
    files = [file for file in files_of(tmp_path, "plain.txt") if file.path.endswith(".txt")]
    there, here = (
        {r.name: r.payload for r in readings}
        for readings in (
            read_on_cluster(files, fakes.read_fake, two, LIMITS),
            read_files(files, fakes.read_fake, 1, LIMITS),
        )
    )
    assert there == here and len(there) == 3
    assert "beside" in there["0/page.txt"] and "beside" in there["1/page.txt"]


def test_files_of_a_folder_that_all_see_are_read_where_they_lie(tmp_path: Path, two: str) -> None:
    (tmp_path / "raw" / "p_files").mkdir(parents=True)
    (tmp_path / "raw" / "p_files" / "1.png").write_text("beside")
    fakes.write(tmp_path / "raw", "page.txt", year=2023, beside="p_files/1.png")
    fakes.write(tmp_path / "raw", "other.txt", year=2023)
    listed = list_url((tmp_path / "raw").as_uri(), tmp_path / "files.parquet")
    files = [file for file in listed if file.path.endswith(".txt")]
    fakes.write(tmp_path / "raw", "other.txt", year=2022)
    found = {r.name: r for r in read_on_cluster(files, fakes.read_fake, two, LIMITS)}
    assert "beside" in found["page.txt"].payload
    assert "it changed during the run" in found["other.txt"].report.message
    (tmp_path / "raw").rename(tmp_path / "unmounted")
    with pytest.raises(ClusterFault, match=r"has no folder .*/raw: mount it there"):
        list(read_on_cluster(files, fakes.read_fake, two, LIMITS))


def test_a_worker_that_lacks_the_store_s_package_ends_the_build(tmp_path: Path, two: str) -> None:
    files = [replace(file, url=f"nostore://bucket/{file.path}") for file in files_of(tmp_path, "a.txt")]
    with pytest.raises(ClusterFault, match=r"worker tcp\S+ cannot fetch files: Protocol not known: nostore"):
        list(read_on_cluster(files, fakes.read_fake, two, LIMITS))


@pytest.mark.parametrize(
    "content",
    [b'<img src="a.png">', b"<img src=x/%61.png>", b"a&#46;png", "a.png".encode("utf-16")],
    ids=["plain", "percent", "entity", "utf-16"],
)
def test_a_name_of_a_file_beside_is_seen_however_it_is_written(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.png").touch()
    page = tmp_path / "page.html"
    assert Beside().named_in(content, page)
    assert not Beside().named_in(b"%PDF-1.7 " + content, page)
    assert not Beside().named_in(b"page.html aa.png a.pn", page)


def test_many_files_go_in_tasks_of_bounded_size(tmp_path: Path) -> None:
    (file,) = files_of(tmp_path, "a.txt")
    sizes = [10] * 45 + [9 << 20] + [3 << 20] * 4
    tasks = list(reading_cluster._tasks([replace(file, bytes=size) for size in sizes]))
    assert [len(task) for task in tasks] == [20, 20, 5, 1, 2, 2]
    assert [f.bytes for task in tasks for f in task] == sizes


# Clusters that are refused.


def refusal(folder: Path, address: str) -> str:
    with pytest.raises(ClusterFault) as fault:
        list(read_on_cluster(files_of(folder, "a.txt"), fakes.read_fake, address, LIMITS))
    assert "\n" not in str(fault.value)
    return str(fault.value)


def test_no_scheduler_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_cluster, "_ANSWER", 1)
    assert refusal(tmp_path, "tcp://127.0.0.1:1").startswith("no Dask scheduler answers at tcp://127.0.0.1:1")


def test_tls_without_certificates(tmp_path: Path, two: str) -> None:
    said = refusal(tmp_path, two.replace("tcp:", "tls:"))
    assert said.startswith("no Dask scheduler answers at tls://127.0.0.1") and "TLS configuration" in said
    # No client is left that could be collected within the start of another.
    clients = [one for one in gc.get_objects() if isinstance(one, distributed.Client)]
    assert not [client for client in clients if client.status != "closed"]


def test_the_extra_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert refusal(tmp_path, "tcp://127.0.0.1:1").endswith("pip install 'gongkai[cluster]'")


def test_another_version_is_refused(tmp_path: Path, two: str, monkeypatch: pytest.MonkeyPatch) -> None:
    other = versions() | {"polars": "0.1"}
    monkeypatch.setattr(reading_cluster, "versions", lambda: other)
    assert "has polars" in refusal(tmp_path, two)


def test_a_worker_that_joined_late_is_looked_at_too(tmp_path: Path, two: str) -> None:
    files = files_of(tmp_path, "a.txt")
    sent = [(file, file.place.read_bytes()) for file in files]
    other = versions() | {"the reader of pdf files": "older"}
    with distributed.Client(two, set_as_default=False) as client:
        task = client.submit(reading_cluster._read_task, fakes.read_fake, sent, LIMITS, other)
        with pytest.raises(ClusterFault, match=r"worker tcp\S+ has the reader of pdf files \w+, .*older"):
            task.result()


def test_no_workers_and_workers_that_cannot_bound_a_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_cluster, "_JOIN", 1)
    with cluster(0) as address:
        assert "has no worker, and none joined within 1 s" in refusal(tmp_path, address)
        command = ("worker", address, "--nthreads", "1", "--no-dashboard")
        with started(*command, says="Registered to", DASK_DISTRIBUTED__WORKER__DAEMON="True"):
            monkeypatch.setattr(reading_cluster, "_JOIN", 30)
            assert "DASK_DISTRIBUTED__WORKER__DAEMON=False" in refusal(tmp_path, address)


def test_a_scheduler_that_is_lost_ends_the_build_and_what_was_read_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_cluster, "_FILES", 1)
    monkeypatch.setattr(reading_cluster, "_LOOK", 0.2)
    for name in ("a.txt", "b.txt"):
        fakes.write(tmp_path / "raw", name, agency=name, year=2023)
    fakes.write(tmp_path / "raw", "c.txt", do="hang")
    told = []
    with cluster(1) as address:
        with distributed.Client(address, set_as_default=False) as client:
            scheduler = client.run_on_scheduler(os.getpid)

        def lose(done: int, of: int) -> None:
            told.append(done)
            if done == 2:
                os.kill(scheduler, signal.SIGKILL)

        outcome = build(tmp_path, address, progress=lose)
    assert told == [0, 1, 2]
    assert outcome.fault is not None and outcome.fault.startswith(f"the Dask scheduler at {address} is gone")
    assert not (tmp_path / "w" / warehouse.NAME).exists()
    (kept,) = steps._cache(settings(tmp_path), fakes.read_either).held().identities()
    assert sorted(kept["name"]) == ["a.txt", "b.txt"]


def test_workers_that_are_all_lost_end_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("_PATIENCE", 1), ("_LOOK", 0.2)):
        monkeypatch.setattr(reading_cluster, name, value)
    files = files_of(tmp_path, "a.txt", do="crash the cluster's worker")
    lost = pytest.raises(ClusterFault, match="has had no worker for 1 s")
    with cluster(1, "--no-nanny") as address, lost:
        list(read_on_cluster(files, fakes.read_fake, address, LIMITS))


# The option.


def test_nothing_new_needs_no_cluster(tmp_path: Path) -> None:
    assert list(read_on_cluster([], fakes.read_fake, "tcp://127.0.0.1:1", LIMITS)) == []


def test_the_executor_is_an_option_and_a_variable() -> None:
    def scheduler(**environ: str) -> str:
        return settings_of(environ=environ).scheduler

    assert scheduler() == scheduler(GONGKAI_EXECUTOR="local") == ""
    assert scheduler(GONGKAI_EXECUTOR="dask://node1:8786") == "tcp://node1:8786"
    assert scheduler(GONGKAI_EXECUTOR="dask+tls://[::1]:8786") == "tls://[::1]:8786"
    for wrong in ("dask://node1", "tcp://node1:8786", "ray://node1:1", "dask://u:p@node1:1"):
        with pytest.raises(SettingsFault, match="dask://HOST:PORT"):
            scheduler(GONGKAI_EXECUTOR=wrong)


def test_the_command_says_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_cluster, "_ANSWER", 1)
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.txt").write_text("a")
    folders = ["--raw", str(tmp_path / "raw"), "--warehouse", str(tmp_path / "w")]
    result = CliRunner().invoke(cli.app, ["build", *folders, "--executor", "dask://127.0.0.1:1"])
    assert result.exit_code == 1
    assert "gongkai: no Dask scheduler answers at tcp://127.0.0.1:1" in result.output
    result = CliRunner().invoke(cli.app, ["build", *folders, "--executor", "dask"])
    assert result.exit_code == 1 and "not 'dask'" in result.output
