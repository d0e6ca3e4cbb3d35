"""SMTP as a server speaks it: the session as pure functions, one per verb, and apart from it the edges that move bytes.

state     what a session knows, and the effects a verb may ask for
verbs     (session, argument) -> (session, reply, effect): HELO, MAIL, RCPT, DATA ... and the table of them
auth      AUTH, the one verb with steps of its own
data      the bytes after DATA: strict CRLF, dots, hops, size
lines     bytes from the wire -> command lines, with limits
edge      the event loop's side: a socket, a queue, time limits
stdio     the same session on descriptors 0 and 1, as under tcpserver
"""
