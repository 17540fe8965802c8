"""Reading on a Dask cluster of two workers gives what reading here gives; a bad file costs only itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.reading_cluster import ClusterFault, _check_workers, read_on_cluster, versions
from pipeline.reading_pool import Limits, read_files
from tests import fakes
from tests.test_reading_pool import files_of

distributed = pytest.importorskip("distributed", reason="pip install distributed")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    import dask

    with (
        dask.config.set({"distributed.worker.daemon": False}),
        distributed.LocalCluster(2, processes=True, threads_per_worker=1, dashboard_address=None) as cluster,
    ):
        yield cluster.scheduler_address


def test_the_same_is_read(tmp_path: Path, address: str) -> None:
    files = files_of(tmp_path, *(f"{n}.txt" for n in range(30)))
    there = {r.name: r.payload for r in read_on_cluster(files, fakes.read_fake, address, Limits())}
    assert there == {r.name: r.payload for r in read_files(files, fakes.read_fake, 1, Limits())}


def test_no_scheduler() -> None:
    with pytest.raises(ClusterFault, match="no Dask scheduler answers"):
        list(read_on_cluster([], fakes.read_fake, "tcp://127.0.0.1:1", Limits()))


def test_another_version_is_refused() -> None:
    with pytest.raises(ClusterFault, match="polars 0.1"):
        _check_workers({"tcp://w": versions() | {"polars": "0.1"}}, versions())
