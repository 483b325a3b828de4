"""How well words are understood: committed scripts and utterances, typos, two plain matchers to be better than.

`make matching` measures and prints; `docs/matching.md` says how the sets came about and holds the printed table.
"""
