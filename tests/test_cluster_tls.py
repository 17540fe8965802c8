"""The recipe of docs/scale_out.md for TLS, as it stands there: its commands make the certificates, its
settings let the cluster read, and whoever has no certificate of that authority is refused in one line."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline import reading_cluster
from pipeline.collection import identify, list_files
from pipeline.reading_cluster import read_on_cluster
from pipeline.reading_pool import read_files
from pipeline.settings import settings
from tests import fakes
from tests.test_cluster import LIMITS, ROOT, cluster, real_reports, refusal

dask = pytest.importorskip("dask", reason="needs the extra: pip install 'gongkai[cluster]'")

pytestmark = [
    pytest.mark.xdist_group("cluster"),
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl: apt-get install openssl"),
]
RECIPE = (ROOT / "docs" / "scale_out.md").read_text(encoding="utf-8")
FOLDER = "/etc/gongkai"


def block(language: str, has: str) -> str:
    """The one block of the recipe in that language that has these words."""
    blocks = re.findall(rf"```{language}\n(.*?)```", RECIPE, re.DOTALL)
    (found,) = [one for one in blocks if has in one]
    return found


def certified(folder: Path) -> Path:
    """A folder as the recipe makes it, with Dask's settings in ``dask/``."""
    (folder / "dask").mkdir(parents=True)
    subprocess.run(["sh", "-e"], input=block("sh", "openssl"), text=True, cwd=folder, check=True)
    settings = block("yaml", "ca-file").replace(FOLDER, str(folder))
    (folder / "dask" / "gongkai.yaml").write_text(settings, encoding="utf-8")
    return folder


@contextmanager
def settings_of_dask(folder: Path | None) -> Iterator[None]:
    """What Dask has read in this process: the settings of that folder, or its own."""
    settings = dask.config.collect([str(folder / "dask")] if folder else [], env={})
    defaults = dask.config.merge(*dask.config.defaults)
    with dask.config.set({"distributed.comm": dask.config.merge(defaults, settings)["distributed"]["comm"]}):
        yield


def test_a_cluster_with_certificates_reads_and_refuses_who_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, foreign = certified(tmp_path / "own"), certified(tmp_path / "foreign")
    raw = tmp_path / "raw"
    fakes.write(raw, "a.txt", agency="甲", year=2023)
    assert len(real_reports(raw)) == 3
    files = identify(list_files(raw), tmp_path / "files.parquet")
    # The scheduler and the workers read the file; this process has read Dask's settings already.
    monkeypatch.setenv("DASK_CONFIG", str(own / "dask"))
    with settings_of_dask(own), cluster(2) as address:
        assert address.startswith("tls://")
        assert settings(executor=f"dask+{address}").scheduler == address
        there, here = (
            {r.name: (r.payload, r.report.status) for r in readings}
            for readings in (
                read_on_cluster(files, fakes.read_either, address, LIMITS),
                read_files(files, fakes.read_either, 1, LIMITS),
            )
        )
        assert there == here and {status for _, status in there.values()} == {"parsed"}
        monkeypatch.setattr(reading_cluster, "_ANSWER", 1)
        with settings_of_dask(None):
            refused = refusal(tmp_path, address)
            assert refused.startswith(f"no Dask scheduler answers at {address}: TLS expects")
            plain = address.replace("tls:", "tcp:")
            assert refusal(tmp_path, plain).startswith(f"no Dask scheduler answers at {plain}")
        with settings_of_dask(foreign):
            refused = refusal(tmp_path, address)
            assert refused.startswith(
                f"no Dask scheduler answers at {address}: TLS certificate does not match"
            )
