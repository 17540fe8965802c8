"""Agencies by their names: kind, level, region and the one name for all aliases.

Stands between form and cells: imports form only.
"""

from pipeline.agencies.names import Agency, canonical_agency, is_agency_like, is_bare, short_name, squeeze

__all__ = ["Agency", "canonical_agency", "is_agency_like", "is_bare", "short_name", "squeeze"]
