"""Compile a list of control/ into NAME.cdb, for programs that look one entry up among many: qmail-newmrh, qmail-newbrt.

Steps    1 wait for others who compile in control/  2 read NAME  3 write NAME.tmp, sync it, rename it to NAME.cdb, sync the directory
Source   qmail-newmrh.c, qmail-newbrt.c
"""

from __future__ import annotations

import os

from mta.formats import rcpthosts
from mta.formats.error_str import error_str
from mta.unix import cdbfile


def compile_(home: bytes, name: bytes) -> bytes:
    """-> what went wrong; b"" when nothing did. NAME.cdb is then what it was."""
    control = home + b"/control"
    try:
        with cdbfile.one_compiler(control):
            return _compile(control, name)
    except OSError as error:
        act = b"read control/" + name if os.path.isdir(home) else b"chdir to " + home
        return b"unable to %b: %b" % (act, error_str(error.errno).encode())


def _compile(control: bytes, name: bytes) -> bytes:
    try:
        with open(os.path.join(control, name), "rb") as file:
            text = file.read()
    except OSError as error:
        return b"unable to read control/%b: %b" % (name, error_str(error.errno).encode())
    temporary, cdb = name + b".tmp", name + b".cdb"
    try:
        cdbfile.replace(os.path.join(control, temporary), os.path.join(control, cdb), rcpthosts.compile_more(text))
    except cdbfile.NotReplaced as failure:
        act = b"move control/%b to control/%b" % (temporary, cdb) if failure.step == "move" else b"write to control/" + temporary
        return b"unable to %b: %b" % (act, error_str(failure.why.errno).encode())
    return b""
