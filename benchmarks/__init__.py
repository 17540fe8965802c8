"""What gongkai costs in time and memory: ``python -m benchmarks`` measures, tabulates and draws.

Here: measurements, their results, the page made of them. Not here: tests, or anything that a build needs.
Speed is held by ratios within one run, never by timed tests.
"""
