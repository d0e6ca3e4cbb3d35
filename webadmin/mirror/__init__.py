"""The only bridge between rows and the files of the instance.

import_   tree of files -> records           plan     records -> exact octets of the files, and what changes
rows      records <-> rows                   install  octets -> the installer
write     rows, then files, then commit: what acts call          drift    files that differ from their rows
routes    what a change of control files means for mail
A tree is {path: octets}: b"control/me", b"users/assign", b"domains/example.org/vpasswd", b"domains/example.org/joe/.qmail", the last two by
the domain's name wherever its directory lies. import_ and plan are pure, and plan(import_(tree)) is the tree, octet by octet.
"""
