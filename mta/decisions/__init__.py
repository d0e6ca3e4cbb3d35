"""Records -> what to do next, pure. Clock, randomness, resolver and user ids come in as arguments.

The browser's "explain an address" calls these same functions on the installed files,
so it cannot say anything else than the mail system does.
"""
