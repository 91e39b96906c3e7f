"""How fast recours is, in ratios to the bare thing it is built on: ``make bench`` (see docs/performance.md).

Reference and subject run in the same invocation, shuffled, each in a fresh process, and have to give the same outputs.
"""
