"""POP3 as a server speaks it: the session as pure functions, one per verb, in its two states, and apart from it the edges that move bytes.

state     what a session knows, the profiles, and the effects a verb may ask for
login     before the password: USER, PASS, STLS, CAPA ...
verbs     after it: STAT, LIST, RETR, DELE ... over a snapshot of the mailbox
text      a stored message -> the lines that are sent
lines     bytes from the wire -> command lines, with limits
stdio     the state after login on descriptors, one client, one thing at a time
edge      the state before login in an event loop, and the pump that carries a session inside TLS

Two profiles: the classic one says byte for byte what qmail-popup and qmail-pop3d say; the other one is RFC 1939 with CAPA and STLS.
"""
