"""`make bench`: the product beside toy servers that do the least their stack can avoid (docs/bench.md)."""
