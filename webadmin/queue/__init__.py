"""The queue: what waits, why, and the orders that qmail-send takes about it."""
