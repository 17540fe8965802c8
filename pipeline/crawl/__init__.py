"""Fetching: reports of configured sources into the raw folder, politely, nothing twice.

Here: sources as data, one adapter for each kind of site, the spider, the store with its manifest.
Not here: reading a report; this package imports nothing of the pipeline but settings and terminal.
"""
