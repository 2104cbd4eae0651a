"""Measurements behind every number in the documents: `python -m benchmarks`, or one module of it.

Nothing here is a test: a number that depends on a machine proves nothing by passing.
"""
