"""Aliases of virtual domains: addresses that stand for others."""
