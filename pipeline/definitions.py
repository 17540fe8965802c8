"""What Dagster loads."""

from pipeline.defs import definitions

defs = definitions()
