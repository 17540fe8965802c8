"""What may be asked of the network: schemes, hosts, addresses.

Here: the rules, and the resolver that holds names to them when they are looked up.
Not here: limits of size and time (spider.py sets them) and what is kept (store.py).
"""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from scrapy.crawler import Crawler
from scrapy.resolver import CachingThreadedResolver
from twisted.internet.base import ReactorBase
from twisted.internet.defer import Deferred

from pipeline.crawl.sources import Source, allows_host

PRIVATE = "GONGKAI_PRIVATE_ADDRESSES"
"""Scrapy setting: whether the source may be at a private address."""
_LONGEST = 2_000
# The network library hides why a name was refused; the gate says it.
REFUSED_NAMES: dict[str, str] = {}


class AddressRefused(OSError):
    """A name leads to an address that the source may not be at."""


def refusal(url: str, source: Source) -> str | None:
    """Why an address must not be asked; None where it may be."""
    if len(url) > _LONGEST:
        return "an address of absurd length"
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return "no address"
    if parts.scheme not in ("http", "https"):
        return f"scheme {parts.scheme or 'none'}"
    if parts.username is not None or parts.password is not None:
        return "an address with a user name in it"
    if not host or not allows_host(source.hosts, url):
        return f"host {parts.netloc or 'none'} is not the source's"
    if not source.private_addresses and not is_public(host, name_passes=True):
        return f"{host} is no public address"
    return None


def is_public(host: str, name_passes: bool = False) -> bool:
    """Whether an address is one of the public network; a name only where ``name_passes``."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return (
            name_passes and host != "localhost" and not host.endswith((".localhost", ".local", ".internal"))
        )
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if inner is not None:
        address = inner
    return address.is_global and not address.is_multicast


class GuardedResolver(CachingThreadedResolver):
    """Looks names up and refuses those that lead to private, loopback or link-local addresses.

    The address it gives is the one that is connected to, so a name cannot change in between.
    """

    private = False

    @classmethod
    def from_crawler(cls, crawler: Crawler, reactor: ReactorBase) -> GuardedResolver:
        resolver = super().from_crawler(crawler, reactor)
        resolver.private = crawler.settings.getbool(PRIVATE)
        return resolver

    def getHostByName(self, name: str, timeout: Any = ()) -> Deferred[str]:
        """The address of a name."""
        return super().getHostByName(name, timeout).addCallback(self._checked, name)

    def _checked(self, address: str, name: str) -> str:
        if not self.private and not is_public(address):
            REFUSED_NAMES[name] = f"{name} leads to {address}, which is no public address"
            raise AddressRefused(REFUSED_NAMES[name])
        return address
