"""The webmail: a mailbox user's own screens, on the Maildir itself. Runs as the virtual-mail user, in a process of its own (DESIGN 4).

door.py        login, session, and the one way to a mailbox          mailboxes.py  folders as people name them
index.py       a list of each folder's messages, in SQLite           summary.py    what a list shows of one message
letter.py      a message as a page shows it                          decode.py     octets become text here, and nowhere else
wash.py        HTML made harmless, CSS with it (css.py)              linkify.py    plain text made HTML
senders.py     what is strange about an address                      compose.py    a message from a form; flowed.py its lines
*_views.py     one file per screen
"""
