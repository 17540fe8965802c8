"""Adapters: for each kind of site, where to begin and which links of a list lead on.

Here: the register. An adapter is a module with ``start(source)``, the first steps, and
``links(source, page)``, the steps that a list leads to. Report pages are all read by report_page.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, cast

from pipeline.crawl.adapters import c_code, generic, gkmlpt, hanweb, openness, trs, vsb
from pipeline.crawl.adapters.common import Page, Step
from pipeline.crawl.sources import AdapterName, Source


class Adapter(Protocol):
    """What each module of this folder has."""

    def start(self, source: Source) -> Iterator[Step]:
        """The first steps of a crawl."""
        ...

    def links(self, source: Source, page: Page) -> Iterator[Step]:
        """What a list leads to: reports, further pages, lists below it."""
        ...


ADAPTERS: dict[AdapterName, Adapter] = {
    "hanweb": cast(Adapter, hanweb),
    "trs": cast(Adapter, trs),
    "gkmlpt": cast(Adapter, gkmlpt),
    "c_code": cast(Adapter, c_code),
    "openness": cast(Adapter, openness),
    "vsb": cast(Adapter, vsb),
    "generic": cast(Adapter, generic),
}
