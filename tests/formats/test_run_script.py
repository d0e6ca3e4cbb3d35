"""Run scripts: read as written, understood as sh understands them, and refused when they are anything else."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.formats import run_script
from mta.formats.run_script import RunScript

words = st.binary(min_size=1, max_size=12).filter(lambda w: b"\0" not in w and b"\n" not in w)
ascii_words = st.text(st.characters(min_codepoint=1, max_codepoint=126, exclude_characters="\n"), min_size=1, max_size=12).map(str.encode)
names = st.from_regex(rb"\A[A-Z_]{1,8}\Z")
programs = st.builds(lambda w: b"/" + w, words).filter(lambda w: not w.endswith(b"/setuidgid") and b"=" not in w)
comments = st.from_regex(rb"\A[a-zA-Z0-9 .,']{0,30}\Z")
scripts = st.builds(
    lambda program, arguments, **more: RunScript((program, *arguments), **more),
    programs,
    st.lists(words, max_size=4),
    comment=comments,
    joins=st.booleans(),
    folder=st.one_of(st.just(b""), words),
    setuidgid=st.one_of(st.just(()), st.builds(lambda a: (b"/h/bin/setuidgid", a), words)),
    env=st.one_of(st.none(), st.dictionaries(names, st.one_of(st.just(b""), words), max_size=3)),
)


@given(scripts)
def test_it_reads_what_it_wrote(script: RunScript) -> None:
    assert run_script.read(run_script.write(script)) == script


@given(st.binary(max_size=80), st.sampled_from([b"", b"#!/bin/sh\n", b"#!/bin/sh\nexec ", b"#!/bin/sh\ncd "]))
def test_nothing_raises_but_a_value_error(data: bytes, start: bytes) -> None:
    try:
        assert run_script.write(run_script.read(start + data)) == start + data
    except ValueError:
        pass


@settings(max_examples=25, deadline=None)
@given(st.lists(ascii_words, min_size=1, max_size=4), names, ascii_words)
def test_sh_understands_it_so(arguments: list[bytes], name: bytes, value: bytes) -> None:
    script = RunScript((b"/usr/bin/printf", b"%s\\0", *arguments), comment=b"x", joins=True, folder=b"/", env={name: value})
    done = subprocess.run(["/bin/sh"], input=run_script.write(script), capture_output=True, check=True)
    assert done.stdout == b"".join(word + b"\0" for word in arguments)
    shown = RunScript((b"/usr/bin/env", b"-0"), env={name: value})
    assert subprocess.run(["/bin/sh"], input=run_script.write(shown), capture_output=True, check=True).stdout == name + b"=" + value + b"\0"


def test_its_lines_are_these() -> None:
    script = RunScript(
        (b"/q/bin/smtpd", b"--listen", b"*:25", b"it's"),
        comment=b"receives mail.",
        joins=True,
        folder=b"/opt/tawny",
        setuidgid=(b"/q/bin/setuidgid", b"tawny"),
        env={b"A": b"b c"},
    )
    assert run_script.write(script) == (
        b"#!/bin/sh\n# receives mail.\nexec 2>&1\ncd /opt/tawny\n"
        b"exec /q/bin/setuidgid tawny env -i 'A=b c' /q/bin/smtpd --listen '*:25' 'it'\"'\"'s'\n"
    )


@pytest.mark.parametrize(
    ("why", "data"),
    [
        ("another shell", b"#!/bin/bash\nexec /bin/x\n"),
        ("a line that we never write", b"#!/bin/sh\nulimit -n 10\nexec /bin/x\n"),
        ("something after the last exec", b"#!/bin/sh\nexec /bin/x\necho\n"),
        ("no newline at the end", b"#!/bin/sh\nexec /bin/x"),
        ("a variable", b"#!/bin/sh\nexec /bin/x $HOME\n"),
        ("a comment at the end", b"#!/bin/sh\nexec /bin/x # y\n"),
        ("two spaces", b"#!/bin/sh\nexec /bin/x  y\n"),
        ("a redirection", b"#!/bin/sh\nexec /bin/x >/dev/null\n"),
        ("a background", b"#!/bin/sh\nexec /bin/x &\n"),
        ("double quotes", b'#!/bin/sh\nexec /bin/x "y z"\n'),
        ("quotes where none are wanted", b"#!/bin/sh\nexec /bin/x 'y'\n"),
        ("a quote that does not end", b"#!/bin/sh\nexec /bin/x 'y z\n"),
        ("a program looked for in PATH", b"#!/bin/sh\nexec x\n"),
        ("nothing to start", b"#!/bin/sh\nexec \n"),
        ("setuidgid and nobody", b"#!/bin/sh\nexec /q/bin/setuidgid\n"),
        ("the order of the lines", b"#!/bin/sh\ncd /\nexec 2>&1\nexec /bin/x\n"),
        ("empty", b""),
    ],
)
def test_what_it_did_not_write_is_refused(why: str, data: bytes) -> None:
    with pytest.raises(ValueError):
        run_script.read(data)
