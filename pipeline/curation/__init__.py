"""Settled findings: decisions of people about single findings and cells, kept as YAML beside the reports.

Here: the files (decisions.py, writing.py) and what they do to the tables (applying.py).
Not here: how findings are made (checks/) or listed (publish/findings.py).
"""
