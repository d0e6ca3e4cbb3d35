"""Benchmarks: one file per question, each runs us and a peer in the same run and writes results/NAME.json. `python -m bench [NAME ...]`."""
