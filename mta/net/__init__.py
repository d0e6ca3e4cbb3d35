"""Sockets, TLS, the resolver, and protocol sessions as one pure function per verb; the loops that move bytes are kept apart from them."""
