"""SMTP as a client speaks it: the session as pure functions, one per reply waited for, and apart from it the edge that moves bytes.

state     what a session knows, and what a step may ask its edge to do
steps     (session, reply) -> (session, bytes to send, reports): greeting, EHLO, MAIL, RCPT, DATA ... and the table of them
reports   qmail-remote's own sentences, byte for byte
reply     bytes from the wire -> replies, with limits
body      the message as SMTP wants it: CRLF, dots
message   the message as it lies in the queue, in pieces
wire      one connection: replies in, bytes out, TLS, time limits
edge      runs a session over a wire
controls  the control files of qmail-remote, of one generation
tls       which servers get TLS, and the contexts for it
pool      connections kept for the next message to the same destination
deliver   one delivery from name look-up to report: what qmail-remote and qmail-rspawn call
"""
