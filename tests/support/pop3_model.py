"""A POP3 session over a mailbox in memory: the pure functions, and effects that touch a list instead of files."""

from __future__ import annotations

from mta.net.pop3 import verbs
from mta.net.pop3.login import OK
from mta.net.pop3.state import Close, Commit, Profile, Send
from mta.net.pop3.text import Encoder, wire_size


class Model:
    """messages: (uid, text as it is stored) in order."""

    def __init__(self, profile: Profile, messages: list[tuple[bytes, bytes]]) -> None:
        self.messages = messages
        self.left = [uid for uid, _ in messages]
        sizes = [len(text) if profile.is_classic else wire_size([text]) for _, text in messages]
        self.session = verbs.begin(profile, sizes, [uid for uid, _ in messages])
        self.is_over = False

    def say(self, line: bytes | object) -> bytes:
        """One command -> everything it is answered."""
        assert not self.is_over
        self.session, reply, effect = verbs.command(self.session, line)
        match effect:
            case Send(index, body_lines):
                encoder = Encoder(body_lines, is_classic=self.session.profile.is_classic)
                return reply + OK + encoder.feed(self.messages[index][1]) + encoder.end()
            case Commit():
                self.is_over = True
                self.left = [uid for i, (uid, _) in enumerate(self.messages) if not self.session.is_deleted(i)]
                return reply + verbs.committed(self.session, 0)
            case Close():
                self.is_over = True
        return reply

    def dialog(self, *lines: bytes) -> bytes:
        """A whole session, greeting and all; lines behind its end are not heard."""
        output = OK
        for line in lines:
            if not self.is_over:
                output += self.say(line)
        return output
