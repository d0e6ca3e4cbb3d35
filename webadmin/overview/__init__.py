"""The first page: how the mail system is doing."""
