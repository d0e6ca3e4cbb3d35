"""One caller of the installer: who is it, what has the checking child found good, do it, answer. Root's part."""

from __future__ import annotations

import os
import signal
import socket
import time

from mta.errors import MailError, Permanent, Temporary
from mta.formats import ask, install_call, manifest
from mta.programs.servers.installer import child
from mta.unix import accounts
from mta.unix.ask import lists, peer_uid
from mta.unix.fds import Fds
from mta.unix.generations import Generations, Why

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_REREAD = (b"control/locals", b"control/virtualdomains")  # the two files qmail-send reads again on HUP
_BEGUN = b".discard-"  # as in discarding.py, which root does not load
_STAYS_S = 24 * 3600
_CHECKER = "qmailp"  # owns no file and answers no stranger


class Service:
    """home: the instance. One for the life of the process."""

    def __init__(self, home: bytes, who: accounts.Accounts, fds: Fds) -> None:
        self.home = home
        self.who = who
        self.generations = Generations(home)
        self._removed = home + b"/removed"
        self._fds = fds

    def prepare(self) -> None:
        """The directories this program alone uses. Raises OSError."""
        os.makedirs(self.generations.root, 0o755, exist_ok=True)
        if not os.path.isdir(self._removed):
            os.mkdir(self._removed, 0o700)
            if os.geteuid() == 0 and not self.who.is_single:
                os.chown(self._removed, self.who[accounts.VPOPMAIL].uid, self.who[accounts.VPOPMAIL].gid)

    def socket_owner(self) -> tuple[int, int] | None:
        return None if self.who.is_single or os.geteuid() else (0, self.who[accounts.TAWNY].gid)

    def serve(self, connection: socket.socket) -> None:
        """Answer until the caller goes."""
        if peer_uid(connection) not in (0, self.who[accounts.TAWNY].uid):
            connection.sendall(ask.write([ask.NO, b"only the control plane may ask for this"]))
            return
        with socket.socket(fileno=self._start_checker(connection)) as checked:
            for order in lists(checked):
                connection.sendall(ask.write(self.answer(order)))

    def _start_checker(self, connection: socket.socket) -> int:
        ours, its = socket.socketpair()
        if child.fork() == 0:
            with child.to_the_end():
                ours.close()
                signal.alarm(child.CHILD_S)
                self._drop(self.who[_CHECKER].uid, self.who[_CHECKER].gid)
                from mta.programs.servers.installer import checking  # here, with no rights left: it parses

                checking.loop(connection, its, self.home, self.who)
        its.close()
        return ours.detach()

    def _drop(self, uid: int, gid: int) -> None:
        if not self.who.is_single:
            accounts.drop(uid, gid)

    def answer(self, order: list[bytes]) -> list[bytes]:
        try:
            return self._carry_out(order)
        except MailError as error:
            return [ask.NO if isinstance(error, Permanent) else ask.NOT_NOW, error.text.encode()]
        except OSError as error:
            return [ask.NOT_NOW, f"{os.fsdecode(error.filename or b'installer')}: {error.strerror}".encode()]

    def _carry_out(self, order: list[bytes]) -> list[bytes]:
        match order:
            case [b"refuse", text]:
                raise Permanent(text.decode("utf-8", "replace"))
            case [b"read-control", mode, number]:
                return self._read_control(mode, int(number))
            case [b"read-domain", mode, *words]:
                return [ask.YES, *self._read_domains(mode, list(zip(*(iter(words),) * 3, strict=True)))]
            case [b"install", who, why, *changes]:
                return self._install(Why(who, why), changes)
            case [b"rollback", who, why, number]:
                return self._rollback(Why(who, why), int(number))
            case [b"generations"]:
                return self._list_generations()
            case [b"removed"]:
                return [ask.YES, *(n for n in sorted(os.listdir(self._removed)) if not n.endswith(b".line") and not n.startswith(_BEGUN))]
            case [b"begun"]:
                return [ask.YES, *(n.removeprefix(_BEGUN) for n in sorted(os.listdir(self._removed)) if n.startswith(_BEGUN))]
            case [b"discard", who, name]:
                return self._discard(who, name)
            case [b"domain", who, name, rel, *steps]:
                return self._domain(who, name, rel, steps)
            case [b"restore", who, name, rel]:
                return self._restore(who, name, rel)
        raise Temporary("order of an unknown kind")

    # control/ and users/

    def _read_control(self, mode: bytes, number: int) -> list[bytes]:
        with self.generations.lock():
            number = number or self.generations.current()
            found = [ask.YES, b"%d" % number]
            for path, is_public in self.generations.files(number).items():
                data = self.generations.read(number, path) or b""
                is_text = (
                    is_public and mode == install_call.BYTES and install_call.is_text_path(path) and len(data) <= install_call.FILE_MAX
                )
                found += [path, install_call.TEXT, data] if is_text else [path, install_call.DIGEST, install_call.digest(data)]
            return found

    def _install(self, why: Why, changes: list[bytes]) -> list[bytes]:
        wanted: dict[bytes, bytes | None] = {}
        with self.generations.lock():
            self.generations.adopt(Why(why.who, b"the files as they were"))
            public = self.generations.files(0)
            for path, old, present, data in zip(*(iter(changes),) * 4, strict=True):
                if not install_call.is_control_path(path):
                    raise Permanent("order for a name that is not whitelisted")
                if not public.get(path, True):
                    raise Permanent(f"{path.decode()} holds a secret: it can only be changed on the machine itself")
                if not install_call.is_met(old, self.generations.read(0, path)):
                    raise Permanent(f"{path.decode()} was changed by somebody else meanwhile: look at Drift first")
                wanted[path] = data if present == b"+" else None
            return self._put_in_force(wanted, why)

    def _put_in_force(self, wanted: dict[bytes, bytes | None], why: Why) -> list[bytes]:
        """Under the lock. No new generation when nothing would change."""
        changed = {path: data for path, data in wanted.items() if self.generations.read(0, path) != data}
        number = self.generations.install(changed, why) if changed else self.generations.current()
        if changed:
            self._say(b"generation %d in force" % number, why.who, why.text)
        if not changed.keys().isdisjoint(_REREAD):
            self._hang_up()
        return [ask.YES, b"%d" % number, self.generations.manifest(number)]

    def _rollback(self, why: Why, number: int) -> list[bytes]:
        """Public files alone: a certificate renewed since then must not come back."""
        with self.generations.lock():
            if not self.generations.current():
                raise Permanent("there is no generation to go back to")
            then, now = self.generations.files(number), self.generations.files(0)
            if b"control/rcpthosts" not in then:
                raise Permanent(f"generation {number} has no control/rcpthosts: it would be an open relay")
            wanted = {path: self.generations.read(number, path) for path, is_public in then.items() if is_public and now.get(path, True)}
            gone: dict[bytes, bytes | None] = {path: None for path, is_public in now.items() if is_public and path not in then}
            return self._put_in_force(wanted | gone, why)

    def _list_generations(self) -> list[bytes]:
        found = [ask.YES, b"%d" % self.generations.current()]
        for number in self.generations.numbers():
            found += [b"%d" % number, manifest.head(self.generations.manifest(number))]
        return found

    def _hang_up(self) -> None:
        """qmail-send reads locals and virtualdomains again. Nobody supervises it: it will read them when it starts."""
        try:
            fd = os.open(self.home + b"/service/qmail-send/supervise/control", os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return
        try:
            os.write(fd, b"h")
        except OSError:  # its pipe is full of commands: it is not listening
            pass
        finally:
            os.close(fd)

    # below domains/

    def _read_domains(self, mode: bytes, wanted: list[tuple[bytes, bytes, bytes]]) -> list[bytes]:
        """One answer for each (name, rel, directory); a domain that cannot be read hides no other. A child for each owner."""
        answers = [b""] * len(wanted)
        by_owner: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for i, (name, rel, _) in enumerate(wanted):
            try:
                parent, leaf, uid, gid = self._open(rel)
            except (OSError, Permanent) as error:
                text = error.text if isinstance(error, Permanent) else error.strerror or "unreadable"
                answers[i] = install_call.write_list([name, ask.NOT_NOW, text.encode()])
                continue
            _close(parent)
            if leaf < 0:
                answers[i] = install_call.write_list([name, ask.NOT_NOW, b"there is no such directory"])
            else:
                by_owner.setdefault((uid, gid), []).append((i, leaf))
        for owner, found in by_owner.items():
            asked = [(wanted[i][0], leaf, wanted[i][2]) for i, leaf in found]
            for (i, leaf), answer in zip(found, self._read_as(owner, mode, asked), strict=True):
                answers[i] = answer
                os.close(leaf)
        return answers

    def _read_as(self, owner: tuple[int, int], mode: bytes, asked: list[tuple[bytes, int, bytes]]) -> list[bytes]:
        """asked: (name, descriptor, directory)."""

        def work() -> bytes:
            from mta.programs.servers.installer import domains

            return install_call.write_list([install_call.write_list([n, *domains.read(leaf, d, mode)]) for n, leaf, d in asked])

        try:
            return install_call.read_list(child.call(lambda: self._drop(*owner), work))
        except Temporary as error:
            return [install_call.write_list([name, ask.NOT_NOW, error.text.encode()]) for name, _, _ in asked]

    def _open(self, rel: bytes) -> tuple[int, int, int, int]:
        """-> (parent, the directory itself or -1, its uid, its gid): without following a link on the way. What is not there yet will
        belong to the owner of all virtual mailboxes. Raises OSError, Permanent."""
        if not install_call.is_relative(rel):
            raise Permanent("order for a directory that is not below domains/")
        *above, last = rel.split(b"/")
        parent = os.open(self.home + b"/domains", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)  # domains itself may be a link
        for part in above:
            try:
                below = os.open(part, _DIRECTORY, dir_fd=parent)
            finally:
                os.close(parent)
            parent = below
        try:
            leaf = os.open(last, _DIRECTORY, dir_fd=parent)
        except FileNotFoundError:
            owner = self.who[accounts.VPOPMAIL]
            return parent, -1, owner.uid, owner.gid
        except OSError:
            os.close(parent)
            raise
        st = os.fstat(leaf)
        if st.st_uid == 0 and not self.who.is_single:
            _close(parent, leaf)
            raise Permanent(f"domains/{rel.decode('utf-8', 'replace')} belongs to root: give it to the owner of the virtual mailboxes")
        return parent, leaf, st.st_uid, st.st_gid

    def _domain(self, who: bytes, name: bytes, rel: bytes, steps: list[bytes]) -> list[bytes]:
        parent, leaf, uid, gid = self._open(rel)

        def work() -> bytes:
            from mta.programs.servers.installer import domains

            return domains.carry_out(parent, leaf, rel.rpartition(b"/")[2], name, self._removed, steps)

        try:
            done = install_call.read_list(child.call(lambda: self._drop(uid, gid), work))
        finally:
            _close(parent, leaf)
        if done[:1] == [ask.YES]:
            self._say(b"domain %b" % name, who, done.pop(1))
        return done

    def _restore(self, who: bytes, name: bytes, rel: bytes) -> list[bytes]:
        parent, leaf, _, _ = self._open(rel)

        def work() -> bytes:
            from mta.programs.servers.installer import domains

            return domains.restore(parent, rel.rpartition(b"/")[2], self._removed, name)

        try:
            if leaf >= 0:
                raise Permanent(f"domains/{rel.decode('utf-8', 'replace')} is there already")
            st = os.stat(os.path.join(self._removed, name), follow_symlinks=False)
            done = install_call.read_list(child.call(lambda: self._drop(st.st_uid, st.st_gid), work))
        finally:
            _close(parent, leaf)
        if done[:1] == [ask.YES]:
            self._say(b"restored", who, name)
        return done

    def _discard(self, who: bytes, name: bytes) -> list[bytes]:
        """Not what was removed within the last day, whoever asks: a web that is in wrong hands cannot take mail away unseen."""
        if name[:14] > time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() - _STAYS_S)).encode():
            raise Permanent(f"{name.decode('utf-8', 'replace')} was removed less than a day ago: it stays")
        places = (os.path.join(self._removed, prefix + name) for prefix in (_BEGUN, b""))
        place = next(filter(os.path.lexists, places), None)
        if place is None:
            raise Permanent(f"there is no {name.decode('utf-8', 'replace')} in removed/ any more")
        st = os.lstat(place)
        if st.st_uid == 0 and not self.who.is_single:
            raise Permanent(f"{name.decode('utf-8', 'replace')} belongs to root: only root takes it away")

        def work() -> bytes:
            from mta.programs.servers.installer import discarding

            return discarding.discard(self._removed, name)

        done = install_call.read_list(child.call(lambda: self._drop(st.st_uid, st.st_gid), work))
        if done == [ask.YES]:
            self._say(b"discarded", who, name)
        return done

    def _say(self, what: bytes, who: bytes, text: bytes) -> None:
        self._fds.say(b"installer: status: %b: %b: %b\n" % (what, manifest.one_line(who), manifest.one_line(text)))


def _close(*fds: int) -> None:
    for fd in fds:
        if fd >= 0:
            os.close(fd)
