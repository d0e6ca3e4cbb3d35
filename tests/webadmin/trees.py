"""Trees of files as hypothesis makes them, and the corpus of edge cases laid into one."""

from __future__ import annotations

from hypothesis import strategies as st

from mta.formats import vpasswd
from tests.conftest import as_bytes, corpus

BASE = {b"control/me": b"mail.example.org\n", b"control/rcpthosts": b"example.org\n", b"users/assign": b".\n"}
HOME = b"/var/qmail/domains/"

# lines as people write them: comments, blanks, odd octets, no newline at the end
_line = st.binary(max_size=20).map(lambda b: b.replace(b"\0", b"").replace(b"\n", b""))
_text = st.builds(lambda rows, end: b"\n".join(rows) + end, st.lists(_line, max_size=5), st.sampled_from([b"", b"\n", b"\n\n"]))
_name = st.from_regex(rb"[a-z][a-z0-9]{0,7}", fullmatch=True)
_field = st.binary(max_size=12).map(lambda b: b.translate(None, b"\0\n:"))
_number = st.one_of(st.integers(0, 2**20).map(lambda n: b"%d" % n), st.sampled_from([b"007", b"00"]))


@st.composite
def _vpasswd(draw: st.DrawFn, directory: bytes) -> tuple[bytes, list[bytes]]:
    """-> (file, names)."""
    names = draw(st.lists(_name, unique=True, max_size=4))
    lines = []
    for name in names:
        home = draw(st.sampled_from([directory + b"/" + name, directory + b"/0/" + name, b"/elsewhere/" + name]))
        fields = [name, draw(_field), draw(_number), draw(_number), draw(_field), home, draw(_field)]
        if draw(st.booleans()):
            fields.append(draw(st.binary(max_size=8).map(lambda b: b.translate(None, b"\0\n"))))
        lines.append(b":".join(fields) + b"\n")
    return b"".join(lines), names


@st.composite
def trees(draw: st.DrawFn) -> dict[bytes, bytes]:
    """A whole instance that can be taken in."""
    tree = {**BASE, **draw(st.dictionaries(st.builds(lambda n: b"control/" + n, _name), _text, max_size=4))}
    domains = draw(st.lists(st.builds(lambda n: n + b".example", _name), unique=True, max_size=3))
    assign = [b"=joe:joe:1000:1000:/home/joe:::\n"] * draw(st.integers(0, 1))
    for domain in domains:
        directory = HOME + domain
        assign.append(b"+%b-:%b:89:89:%b:-::\n" % (domain, domain, directory))
        if draw(st.booleans()):
            assign.append(b"+also-%b-:%b:89:89:%b:-::\n" % (domain, domain, directory))
        tree |= {b"domains/%b/%b" % (domain, path): data for path, data in draw(_domain(directory)).items()}
    tree[b"users/assign"] = b"".join(assign) + b".\n" + draw(st.sampled_from([b"", b"text after the dot\n"]))
    return tree


@st.composite
def _domain(draw: st.DrawFn, directory: bytes) -> dict[bytes, bytes]:
    data, names = draw(_vpasswd(directory))
    files = {b"vpasswd": data}
    files |= draw(st.dictionaries(st.builds(lambda n: b".qmail-" + n.replace(b"0", b":"), _name), _text, max_size=3))
    if draw(st.booleans()):
        files[b".stale-mail"] = b"# ours\nunread 30\n"
    if draw(st.booleans()):
        files[b".qmailadmin-limits"] = draw(_text)
    for account in vpasswd.read(data):
        if account.dir.startswith(directory + b"/") and draw(st.booleans()):
            files[account.dir[len(directory) + 1 :] + b"/.qmail"] = draw(_text)
    return files


_PLACES = {".qmail": b"domains/example.org/joe/.qmail", "vpasswd": b"domains/example.org/vpasswd", "users/assign": b"users/assign"}
_OTHERS = ("maildirsize", "aliases")  # no files of the mirror


def edge_cases() -> list[tuple[str, str, dict[bytes, bytes]]]:
    """(id, what is expected, a tree with the file of the case in its place)."""
    found = []
    for case in corpus("hostile/config-edge-cases"):
        if case["file"] in _OTHERS:
            continue
        path = _PLACES.get(case["file"], b"control/" + case["file"].encode())
        tree = dict(BASE)
        if path.startswith(b"domains/"):
            tree[b"users/assign"] = b"+example.org-:example.org:89:89:/d/example.org:-::\n.\n"
            tree[b"domains/example.org/vpasswd"] = b"joe:x:1:0:j:/d/example.org/joe:NOQUOTA\n"
        tree[path] = as_bytes(case["content"])
        found.append((case["id"], case["expect"], tree))
    return found
