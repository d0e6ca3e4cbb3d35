"""The operator's own login."""
