"""Logging in to the administration, and out."""
