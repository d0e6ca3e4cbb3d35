"""The control files: what each is for, who reads it, what holds without it. The one table behind qmail-showctl, the control page and docs.

QMAIL    the files of qmail-control(5), in the order in which qmail-showctl lists them
OWN      those of our own servers, and of common patches of qmail that we follow; each is off without its file
Grammar  formats/control; a MAP is a LIST of "key:value" lines; RULES are the text of tcprules
Limits   longer than a module should be, for it is one table with a dozen lines for each file
Source   qmail-control(5), qmail-showctl.c; the man pages of the programs named
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Kind(enum.Enum):
    LINE = "one line"
    INTEGER = "a number"
    LIST = "a list, one entry a line"
    MAP = "a list, one key:value a line"
    RULES = "rules, one a line"
    CDB = "compiled from another file"
    PEM = "keys and certificates"
    FOLDER = "a directory of files"
    SECRET = "a list with passwords"  # noqa: S105 - what kind of file it is


class Reread(enum.Enum):
    """When a change takes effect."""

    START = "when qmail-send starts"
    HUP = "when qmail-send gets a HUP signal, or starts"
    RUN = "with the next message or connection"
    SERVER = "when the server starts"


@dataclass(frozen=True, slots=True)
class ControlFile:
    """default: what holds without the file ("" nothing does); is_me: control/me holds before that. example: a value or line to copy from.
    before, after: qmail-showctl's words around the value or around each entry; without: its words for a list that is not there.
    variable: of the environment, outranks the file."""

    name: str
    used_by: tuple[str, ...]
    kind: Kind
    meaning: str
    default: str = ""
    is_me: bool = False
    unit: str = ""
    reread: Reread = Reread.RUN
    variable: str = ""
    example: str = ""
    before: str = ""
    after: str = ""
    without: str = ""


_SMTPD = ("qmail-smtpd", "smtpd", "submission")
_WRITERS = ("qmail-inject", "new-inject", "ofmipd", "newaliases", "newinclude", "dot-forward")  # they complete addresses

QMAIL: tuple[ControlFile, ...] = (
    ControlFile(
        "badmailfrom",
        _SMTPD,
        Kind.LIST,
        "Senders whose mail is refused: a whole address, or @domain for everybody there.",
        example="@spammer.example",
        after=" not accepted in MAIL FROM.",
        without="Any MAIL FROM is allowed.",
    ),
    ControlFile(
        "bouncefrom",
        ("qmail-send", "maildirserial"),
        Kind.LINE,
        "The name bounces come from, before the @.",
        default="MAILER-DAEMON",
        reread=Reread.START,
        before="Bounce user name is ",
    ),
    ControlFile(
        "bouncehost",
        ("qmail-send", "maildirserial"),
        Kind.LINE,
        "The host name bounces come from, after the @.",
        default="bouncehost",
        is_me=True,
        reread=Reread.START,
        before="Bounce host name is ",
    ),
    ControlFile(
        "concurrencylocal",
        ("qmail-send",),
        Kind.INTEGER,
        "How many messages are delivered to mailboxes here at the same time.",
        default="10",
        unit="deliveries",
        reread=Reread.START,
        before="Local concurrency is ",
    ),
    ControlFile(
        "concurrencyremote",
        ("qmail-send",),
        Kind.INTEGER,
        "How many messages are sent to other servers at the same time.",
        default="20",
        unit="deliveries",
        reread=Reread.START,
        before="Remote concurrency is ",
    ),
    ControlFile(
        "databytes",
        (*_SMTPD, "qmail-qmtpd"),
        Kind.INTEGER,
        "The largest message that is received; 0 is no limit.",
        default="0",
        unit="bytes",
        variable="DATABYTES",
        before="SMTP DATA limit is ",
        after=" bytes",
    ),
    ControlFile(
        "defaultdomain",
        (*_WRITERS, "login-broker"),
        Kind.LINE,
        "Added to host names without a dot in mail written here: joe@host becomes joe@host.example.org.",
        default="defaultdomain",
        is_me=True,
        variable="QMAILDEFAULTDOMAIN",
        example="example.org",
        before="Default domain name is ",
    ),
    ControlFile(
        "defaulthost",
        _WRITERS,
        Kind.LINE,
        "Added to addresses without a host in mail written here: joe becomes joe@mail.example.org.",
        default="defaulthost",
        is_me=True,
        variable="QMAILDEFAULTHOST",
        example="mail.example.org",
        before="Default host name is ",
    ),
    ControlFile(
        "doublebouncehost",
        ("qmail-send", "maildirserial"),
        Kind.LINE,
        "The host name of the address that gets bounces which bounce themselves.",
        default="doublebouncehost",
        is_me=True,
        reread=Reread.START,
        before="2B recipient host: ",
    ),
    ControlFile(
        "doublebounceto",
        ("qmail-send", "maildirserial"),
        Kind.LINE,
        "The name of the address that gets bounces which bounce themselves; an empty file throws them away.",
        default="postmaster",
        reread=Reread.START,
        before="2B recipient user: ",
    ),
    ControlFile(
        "envnoathost",
        ("qmail-send",),
        Kind.LINE,
        "Added to recipients that reach the queue without a host.",
        default="envnoathost",
        is_me=True,
        reread=Reread.START,
        before="Presumed domain name is ",
    ),
    ControlFile(
        "helohost",
        ("qmail-remote",),
        Kind.LINE,
        "The name this server gives itself when it sends mail to others; it should be that of its address in the DNS.",
        default="helohost",
        is_me=True,
        example="mail.example.org",
        before="SMTP client HELO host name is ",
    ),
    ControlFile(
        "idhost",
        ("qmail-inject", "new-inject", "ofmipd"),
        Kind.LINE,
        "The host name in the Message-ID of mail written here.",
        default="idhost",
        is_me=True,
        variable="QMAILIDHOST",
        before="Message-ID host name is ",
    ),
    ControlFile(
        "localiphost",
        _SMTPD,
        Kind.LINE,
        "Put in place of this server's own IP address in recipients such as joe@[192.0.2.1].",
        default="localiphost",
        is_me=True,
        before="Local IP address becomes ",
    ),
    ControlFile(
        "locals",
        ("qmail-send",),
        Kind.LIST,
        "Domains whose mail is delivered to users of this machine. A virtual domain must not be here.",
        reread=Reread.HUP,
        is_me=True,
        example="mail.example.org",
        before="Messages for ",
        after=" are delivered locally.",
        without="Messages for me are delivered locally.",
    ),
    ControlFile(
        "me",
        ("all programs",),
        Kind.LINE,
        "The full name of this server. Most names above and below are this one unless they have a file of their own.",
        default="undefined! Uh-oh",
        example="mail.example.org",
        before="My name is ",
    ),
    ControlFile(
        "percenthack",
        ("qmail-send",),
        Kind.LIST,
        "Domains for which joe%host@domain means joe@host. Leave it empty: it lets strangers send mail through this server.",
        reread=Reread.START,
        before="The percent hack is allowed for user%host@",
        after=".",
        without="The percent hack is not allowed.",
    ),
    ControlFile(
        "plusdomain",
        _WRITERS,
        Kind.LINE,
        "Put in place of a + at the end of a host name in mail written here: joe@host+ becomes joe@host.example.",
        default="plusdomain",
        is_me=True,
        variable="QMAILPLUSDOMAIN",
        example="example.org",
        before="Plus domain name is ",
    ),
    ControlFile(
        "qmqpservers",
        ("qmail-qmqpc",),
        Kind.LIST,
        "IP addresses of the servers that keep the queue for this machine, if it has none of its own.",
        example="192.0.2.25",
        before="QMQP server: ",
        after=".",
        without="No QMQP servers.",
    ),
    ControlFile(
        "queuelifetime",
        ("qmail-send",),
        Kind.INTEGER,
        "How long delivery of a message is tried before it bounces.",
        default="604800",
        unit="seconds",
        reread=Reread.START,
        before="Message lifetime in the queue is ",
        after=" seconds",
    ),
    ControlFile(
        "rcpthosts",
        (*_SMTPD, "qmail-qmtpd"),
        Kind.LIST,
        "Domains mail is received for; .example.org stands for every name below example.org. Without this file anybody could send "
        "anywhere.",
        example="example.org",
        before="SMTP clients may send messages to recipients at ",
        after=".",
        without="SMTP clients may send messages to any recipient.",
    ),
    ControlFile(
        "morercpthosts",
        ("qmail-newmrh",),
        Kind.LIST,
        "More domains mail is received for: when there are many, they belong here, to be compiled by qmail-newmrh.",
        example="example.org",
        before="SMTP clients may send messages to recipients at ",
        after=".",
        without="No effect.",
    ),
    ControlFile("morercpthosts.cdb", (*_SMTPD, "qmail-qmtpd"), Kind.CDB, "morercpthosts as qmail-newmrh has compiled it."),
    ControlFile(
        "smtpgreeting",
        _SMTPD,
        Kind.LINE,
        "What SMTP clients are greeted with; its first word should be this server's name.",
        default="smtpgreeting",
        is_me=True,
        before="SMTP greeting: 220 ",
    ),
    ControlFile(
        "smtproutes",
        ("qmail-remote",),
        Kind.MAP,
        "Where mail for a domain is sent instead of the servers its DNS names: domain:relay or domain:relay:port; "
        "without a domain it is for all. With |user|password behind that we log in there; authsenders is the better place for passwords.",
        example="example.org:relay.example.net:587",
        before="SMTP route: ",
        without="No artificial SMTP routes.",
    ),
    ControlFile(
        "timeoutconnect",
        ("qmail-remote",),
        Kind.INTEGER,
        "How long to wait for another server to accept a connection.",
        default="60",
        unit="seconds",
        before="SMTP client connection timeout is ",
        after=" seconds",
    ),
    ControlFile(
        "timeoutremote",
        ("qmail-remote",),
        Kind.INTEGER,
        "How long to wait for each answer of another server.",
        default="1200",
        unit="seconds",
        before="SMTP client data timeout is ",
        after=" seconds",
    ),
    ControlFile(
        "timeoutsmtpd",
        _SMTPD,
        Kind.INTEGER,
        "How long to wait for each line of a client that sends us mail.",
        default="1200",
        unit="seconds",
        before="SMTP server data timeout is ",
        after=" seconds",
    ),
    ControlFile(
        "virtualdomains",
        ("qmail-send", "smtpd", "submission"),
        Kind.MAP,
        "Domains and addresses whose mail goes to one user: domain:user puts user- before the name. domain: with nothing behind it "
        "makes an exception.",
        reread=Reread.HUP,
        example="example.org:example.org",
        before="Virtual domain: ",
        without="No virtual domains.",
    ),
)

OWN: tuple[ControlFile, ...] = (
    ControlFile(
        "authsenders",
        ("qmail-remote",),
        Kind.SECRET,
        "Where mail of a sender goes, and the name and password to log in with there: user@host:relay:port|user|password, or @host:... for "
        "everybody there. Only root and the group qmail should be able to read it.",
        example="@example.org:smarthost.example.net:587|joe|secret",
        before="Relays and passwords of senders.",
    ),
    ControlFile(
        "badhelo",
        _SMTPD,
        Kind.LIST,
        "Names that SMTP clients must not give themselves; .example.org stands for every name below example.org. Relay clients may.",
        example="localhost",
        before="SMTP clients must not be called ",
        after=".",
    ),
    ControlFile(
        "badrcptto",
        _SMTPD,
        Kind.LIST,
        "Recipients that get no mail by SMTP: a whole address, or @domain for everybody there.",
        example="old-address@example.org",
        after=" not accepted in RCPT TO.",
    ),
    ControlFile(
        "clientcert.pem",
        ("qmail-remote",),
        Kind.PEM,
        "Certificate and key this server shows to other servers that ask for one.",
        before="Certificate for servers that ask for one.",
    ),
    ControlFile(
        "concurrencyincoming",
        ("smtpd", "submission"),
        Kind.INTEGER,
        "How many SMTP clients may be connected at the same time.",
        default="5000",
        unit="connections",
        before="The SMTP server takes ",
        after=" connections at a time",
    ),
    ControlFile(
        "concurrencylimit",
        ("qmail-send", "qmail-lspawn", "qmail-rspawn"),
        Kind.INTEGER,
        "How high concurrencylocal and concurrencyremote may go. Above 255 qmail-send and its helpers speak as with the big-concurrency "
        "patch: helpers of the original must have it, too.",
        default="120",
        unit="deliveries",
        reread=Reread.START,
        before="Local and remote concurrency go no higher than ",
    ),
    ControlFile(
        "concurrencypop3",
        ("pop3d",),
        Kind.INTEGER,
        "How many POP3 clients may be connected at the same time.",
        default="1000",
        unit="connections",
        before="The POP3 server takes ",
        after=" connections at a time",
    ),
    ControlFile(
        "doublebouncetrim",
        ("qmail-send",),
        Kind.INTEGER,
        "1 leaves the copy of the message out of bounces which bounce themselves; 0 keeps it.",
        default="0",
        unit="(0 or 1)",
        reread=Reread.START,
        before="Copies are left out of double bounces: ",
    ),
    ControlFile(
        "maxconnip",
        ("smtpd", "submission", "pop3d"),
        Kind.INTEGER,
        "How many clients of one server may come from one address.",
        default="100",
        unit="connections",
        before="Each server takes ",
        after=" connections from one address",
    ),
    ControlFile(
        "maxrcpt",
        ("smtpd",),
        Kind.INTEGER,
        "How many recipients a stranger may name for one message.",
        default="100",
        unit="recipients",
        before="Strangers may name ",
        after=" recipients of one message",
    ),
    ControlFile(
        "morebadrcptto",
        ("qmail-newbrt",),
        Kind.LIST,
        "More recipients that get no mail by SMTP: when there are many, they belong here, to be compiled by qmail-newbrt.",
        example="old-address@example.org",
        after=" not accepted in RCPT TO.",
    ),
    ControlFile("morebadrcptto.cdb", _SMTPD, Kind.CDB, "morebadrcptto as qmail-newbrt has compiled it."),
    ControlFile(
        "notlshosts",
        ("qmail-remote",),
        Kind.FOLDER,
        "Servers that get no TLS: a file of their name, whatever is in it.",
        example="mx.example.net",
        before="No TLS to ",
        after=".",
    ),
    ControlFile(
        "outgoingip",
        ("qmail-remote",),
        Kind.LINE,
        "The address of this server that its connections to other servers come from.",
        default="0.0.0.0",  # noqa: S104 - stands for the kernel's choice
        example="192.0.2.25",
        before="Outgoing IP address is ",
    ),
    ControlFile(
        "queueextra",
        ("queue-writer",),
        Kind.LIST,
        "Recipients that every message gets besides its own. A name here, with a file .qmail-NAME in alias/, keeps a copy of all mail.",
        example="log",
        before="Every message also goes to ",
        after=".",
    ),
    ControlFile(
        "rewrite",
        ("new-inject", "ofmipd"),
        Kind.LIST,
        "What becomes of the host in each address of mail written here, as rewriting(5) has it; without it defaulthost, defaultdomain and "
        "plusdomain are put behind what is not complete.",
        variable="QMAILREWRITEFILE",
        example="*.old.example.org:.example.org",
        before="Hosts are rewritten: ",
        after=".",
    ),
    ControlFile(
        "servercert.pem",
        ("smtpd", "submission", "pop3d", "web-front"),
        Kind.PEM,
        "Certificate and key of this server, in one file; without it there is no TLS.",
        before="Certificate of this server.",
    ),
    ControlFile(
        "signatures",
        _SMTPD,
        Kind.LIST,
        "What an attachment must not begin with, as it stands in the message: the beginning of a line in base64. TVqQAAMAA is that of "
        "Windows programs.",
        example="TVqQAAMAA",
        before="Attachments must not begin with ",
        after=".",
    ),
    ControlFile(
        "tarpitcount",
        _SMTPD,
        Kind.INTEGER,
        "How many recipients of a message are answered at once; with each further one an SMTP client must wait. 0 is no limit.",
        default="0",
        unit="recipients",
        variable="TARPITCOUNT",
        before="SMTP clients wait from ",
        after=" recipients on",
    ),
    ControlFile(
        "tarpitdelay",
        _SMTPD,
        Kind.INTEGER,
        "How long an SMTP client waits for the answer to each recipient beyond tarpitcount.",
        default="0",
        unit="seconds",
        variable="TARPITDELAY",
        before="SMTP clients then wait ",
        after=" seconds",
    ),
    ControlFile(
        "tcp.pop3",
        ("pop3d",),
        Kind.RULES,
        "Which addresses may fetch mail by POP3; compiled to tcp.pop3.cdb.",
        example="192.0.2.:deny",
        before="POP3 clients: ",
    ),
    ControlFile("tcp.pop3.cdb", ("pop3d",), Kind.CDB, "tcp.pop3 as tcprules has compiled it."),
    ControlFile(
        "tcp.smtp",
        ("smtpd", "submission"),
        Kind.RULES,
        "Which addresses may connect, and what each may do: RELAYCLIENT lets it send mail anywhere. Compiled to tcp.smtp.cdb.",
        example='192.0.2.:allow,RELAYCLIENT=""',
        before="SMTP clients: ",
    ),
    ControlFile("tcp.smtp.cdb", ("smtpd", "submission"), Kind.CDB, "tcp.smtp as tcprules has compiled it."),
    ControlFile(
        "tlsclientciphers",
        ("qmail-remote",),
        Kind.LINE,
        "The ciphers this server offers to others, in OpenSSL's words.",
        default="those of OpenSSL",
        before="Ciphers of the SMTP client: ",
    ),
    ControlFile(
        "tlshosts",
        ("qmail-remote",),
        Kind.FOLDER,
        "Servers that must be encrypted and proven: a file NAME.pem with the certificates that vouch for it. A file exhaustivelist "
        "means that no others get TLS.",
        example="mx.example.net.pem",
        before="TLS with proof: ",
        after=".",
    ),
)

BY_NAME: dict[str, ControlFile] = {file.name: file for file in (*QMAIL, *OWN)}


def source_of(name: str) -> str:
    """Name of a compiled file -> of the text it is made from."""
    return name.removesuffix(".cdb")
