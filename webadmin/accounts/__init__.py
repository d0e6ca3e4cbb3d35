"""Mailboxes of virtual domains: add, remove, password, quota, restrictions, forwarding."""
