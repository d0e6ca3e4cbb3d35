"""The porter's list: every program, where its room is, and one line on what it does.

bin/NAME, `python -m mta NAME` and docs/programs/index.md are made from it. A thin program is one that others start for each message: it
runs without site-packages and imports almost nothing (tests/test_import_budget.py).
"""

from __future__ import annotations

# name: (wing, summary)
PROGRAMS: dict[str, tuple[str, str]] = {
    # qmail
    "qmail-clean": ("qmail", "remove files of finished messages from the queue, for qmail-send"),
    "qmail-getpw": ("qmail", "find the system user that answers for a local address"),
    "qmail-inject": ("qmail", "complete the header of a message and queue it"),
    "qmail-local": ("qmail", "deliver one message to one local address"),
    "qmail-lspawn": ("qmail", "run local deliveries for qmail-send"),
    "qmail-newbrt": ("qmail", "compile control/morebadrcptto"),
    "qmail-newmrh": ("qmail", "compile control/morercpthosts"),
    "qmail-newu": ("qmail", "compile users/assign"),
    "qmail-pop3d": ("qmail", "serve one Maildir by POP3"),
    "qmail-popup": ("qmail", "ask for name and password by POP3"),
    "qmail-pw2u": ("qmail", "make users/assign from the system's list of users"),
    "qmail-qmqpc": ("qmail", "give a message to a QMQP server instead of queueing it here"),
    "qmail-qmqpd": ("qmail", "queue a message for a client that trusts us with it, by QMQP"),
    "qmail-qmtpd": ("qmail", "receive mail by QMTP on descriptors 0 and 1"),
    "qmail-qread": ("qmail", "list the messages in the queue"),
    "qmail-qstat": ("qmail", "count the messages in the queue"),
    "qmail-queue": ("qmail", "put one message and its envelope into the queue"),
    "qmail-remote": ("qmail", "send one message by SMTP"),
    "qmail-rspawn": ("qmail", "run remote deliveries for qmail-send"),
    "qmail-send": ("qmail", "deliver what is in the queue"),
    "qmail-showctl": ("qmail", "explain the control files"),
    "qmail-smtpd": ("qmail", "receive mail by SMTP on descriptors 0 and 1"),
    "qmail-start": ("qmail", "start qmail-send and its helpers, each with its own rights"),
    "qmail-tcpok": ("qmail", "forget which addresses timed out"),
    "qmail-tcpto": ("qmail", "list the addresses that timed out"),
    "bouncesaying": ("qmail", "refuse the message of a dot-qmail command, in words of one's own"),
    "condredirect": ("qmail", "forward the message of a dot-qmail command if a program says so"),
    "config": ("qmail", "find out this host's full name, and fill control/ accordingly"),
    "config-fast": ("qmail", "fill control/ for a host of a given name"),
    "datemail": ("qmail", "sendmail with a Date line in local time"),
    "elq": ("qmail", "read mail of a Maildir with elm"),
    "except": ("qmail", "turn the exit code of a dot-qmail command into its opposite"),
    "forward": ("qmail", "forward the message of a dot-qmail command"),
    "maildir2mbox": ("qmail", "move mail from a Maildir to an mbox"),
    "maildirmake": ("qmail", "make a Maildir"),
    "maildirwatch": ("qmail", "show what is new in a Maildir, over and over"),
    "mailsubj": ("qmail", "send a message, its subject and recipients being arguments"),
    "pinq": ("qmail", "read mail of a Maildir with pine"),
    "predate": ("qmail", "give a program its input with a Date line in local time"),
    "preline": ("qmail", "give a program the message with the lines of its delivery"),
    "qail": ("qmail", "read mail of a Maildir with Mail"),
    "qbiff": ("qmail", "announce a message on the terminals of its recipient"),
    "qreceipt": ("qmail", "tell the sender that the message has arrived"),
    "sendmail": ("qmail", "qmail-inject with sendmail's options"),
    "splogger": ("qmail", "hand the lines of a log to syslog"),
    "tcp-env": ("qmail", "describe a TCP connection in the environment, for a program that inetd starts"),
    # our servers: event loops in place of a process per connection
    "login-broker": ("servers", "check names and passwords, start sessions as the mailbox's user"),
    "pop3d": ("servers", "serve POP3 and POP3S to many clients until they have logged in"),
    "queue-writer": ("servers", "put messages of many callers into the queue, many at a time"),
    "smtpd": ("servers", "receive mail by SMTP from many clients"),
    "submission": ("servers", "receive mail by SMTP from our own users, who must log in"),
    "vmaild": ("servers", "answer questions about the virtual mailboxes"),
    "installer": ("servers", "install checked configuration files"),
    "web-front": ("servers", "hand web connections to webadmin or webmail"),
    # daemontools
    "envdir": ("daemontools", "run a program with variables from a directory"),
    "envuidgid": ("daemontools", "run a program that is to know the numbers of an account"),
    "fghack": ("daemontools", "stay in the foreground as long as a daemon runs"),
    "multilog": ("daemontools", "write log lines to rotated directories"),
    "pgrphack": ("daemontools", "run a program in a session of its own"),
    "readproctitle": ("daemontools", "show the last words of others where ps shows arguments"),
    "setlock": ("daemontools", "run a program while nobody else does"),
    "setuidgid": ("daemontools", "run a program as another user"),
    "softlimit": ("daemontools", "run a program with limits"),
    "supervise": ("daemontools", "keep one service running"),
    "svc": ("daemontools", "control supervised services"),
    "svok": ("daemontools", "is a service supervised?"),
    "svscan": ("daemontools", "supervise every service of a directory"),
    "svscanboot": ("daemontools", "supervise the services of this instance from the start of the machine on"),
    "svstat": ("daemontools", "say what services are doing"),
    "tai64n": ("daemontools", "put a time before each line"),
    "tai64nlocal": ("daemontools", "turn TAI64N labels into local time"),
    # ucspi-tcp
    "rblsmtpd": ("ucspi_tcp", "keep clients out that block lists know"),
    "addcr": ("ucspi_tcp", "put a CR before the end of each line"),
    "argv0": ("ucspi_tcp", "run a program under another name"),
    "delcr": ("ucspi_tcp", "take away the CR before the end of each line"),
    "fixcrio": ("ucspi_tcp", "put missing CRs into what a network program and its client say"),
    "mconnect": ("ucspi_tcp", "talk to a mail server by hand"),
    "mconnect-io": ("ucspi_tcp", "be a terminal for a connection, for mconnect"),
    "recordio": ("ucspi_tcp", "show what a network program and its client say"),
    "tcpcat": ("ucspi_tcp", "show what a server says of itself"),
    "tcpclient": ("ucspi_tcp", "connect to a TCP server and run a program"),
    "tcprules": ("ucspi_tcp", "compile rules for TCP clients"),
    "tcprulescheck": ("ucspi_tcp", "ask what the rules say of a client"),
    "tcpserver": ("ucspi_tcp", "accept TCP connections and run a program for each"),
    # fastforward
    "dot-forward": ("fastforward", "forward the message as the user's .forward file says"),
    "fastforward": ("fastforward", "forward the message by a database of aliases"),
    "newaliases": ("fastforward", "compile sendmail's /etc/aliases into a database for fastforward"),
    "newinclude": ("fastforward", "compile sendmail's :include: file into a mailing list for fastforward"),
    "printforward": ("fastforward", "write out a database of fastforward as text that setforward compiles again"),
    "printmaillist": ("fastforward", "write out a compiled mailing list, one item a line"),
    "setforward": ("fastforward", "compile forwarding instructions for fastforward"),
    "setmaillist": ("fastforward", "compile a mailing list for fastforward"),
    # mess822
    "822date": ("mess822", "print the date of the message in three ways"),
    "822field": ("mess822", "print what a field of the message says"),
    "822header": ("mess822", "print the header of the message"),
    "822print": ("mess822", "print the message for a person at a terminal"),
    "822received": ("mess822", "print the way the message came, oldest step first"),
    "iftocc": ("mess822", "is the message to one of these addresses?"),
    "new-inject": ("mess822", "complete the header of a message, rewrite its hosts, and queue it"),
    "ofmipd": ("mess822", "receive mail by SMTP from clients that are trusted, and complete its headers"),
    "ofmipname": ("mess822", "compile names and addresses for ofmipd"),
    # checkpassword
    "checkpassword": ("checkpassword", "run a program as the user whose password is right"),
    # filters
    "mailquotacheck": ("filters", "refuse a message that a mailbox has no room for"),
    "qmail-qfilter": ("filters", "run programs over a message before it is queued"),
    # queue tools
    "checkhomeownership": ("queue_tools", "can mail be delivered to the users of this machine?"),
    "convert-and-create": ("queue_tools", "give every user a Maildir, with the mail of the old mbox in it"),
    "qmHandle": ("queue_tools", "look at the queue, and remove messages from it"),
    "queue-fix": ("queue_tools", "put a queue in order that was moved or restored"),
    # relay-ctrl
    "relay-ctrl-age": ("relay_ctrl", "forget logins that are too old"),
    "relay-ctrl-allow": ("relay_ctrl", "note that the client has logged in, so that it may send mail"),
    "relay-ctrl-chdir": ("relay_ctrl", "open the directory of relay-ctrl for programs that will not have the right to"),
    "relay-ctrl-check": ("relay_ctrl", "let the client relay if somebody has logged in from its address"),
    "relay-ctrl-send": ("relay_ctrl", "tell other machines that the client has logged in"),
    "relay-ctrl-udp": ("relay_ctrl", "note what other machines tell of logins"),
    # serialmail
    "maildirqmtp": ("serialmail", "send what is in a Maildir to one host by QMTP"),
    "maildirserial": ("serialmail", "empty a Maildir through a client that sends what is in it"),
    "maildirsmtp": ("serialmail", "send what is in a Maildir to one host by SMTP"),
    "serialqmtp": ("serialmail", "send the messages of a Maildir over one QMTP connection, for maildirserial"),
    "serialsmtp": ("serialmail", "send the messages of a Maildir over one SMTP connection, for maildirserial"),
    # qmailanalog
    "isoqlog": ("qmailanalog", "pages on who sends and receives how much mail, by day, month and year"),
    "matchup": ("qmailanalog", "match up the lines of qmail-send's log, for the reports"),
    "xqp": ("qmailanalog", "pick out what became of one message"),
    "xrecipient": ("qmailanalog", "pick out the deliveries to one recipient"),
    "xsender": ("qmailanalog", "pick out the messages and deliveries of one sender"),
    "zddist": ("qmailanalog", "how soon most of the mail was delivered"),
    "zdeferrals": ("qmailanalog", "why deliveries were put off"),
    "zfailures": ("qmailanalog", "why deliveries failed"),
    "zoverall": ("qmailanalog", "how many messages, recipients, attempts, and how long they took"),
    "zrecipients": ("qmailanalog", "who gets mail"),
    "zrhosts": ("qmailanalog", "which hosts get mail"),
    "zrxdelay": ("qmailanalog", "the best order of recipients for a mailing list"),
    "zsenders": ("qmailanalog", "who sends mail"),
    "zsendmail": ("qmailanalog", "what matchup found, in words like those of sendmail's log"),
    "zsuccesses": ("qmailanalog", "what deliveries that succeeded said"),
    "zsuids": ("qmailanalog", "which users of this host send mail"),
    # vpopmail
    "vdelivermail": ("vpopmail", "deliver to a mailbox of a virtual domain"),
}

THIN = frozenset(
    (
        *("dot-forward", "fastforward", "iftocc", "new-inject"),
        *("bouncesaying", "condredirect", "datemail", "except", "forward", "maildirmake", "mailsubj", "predate", "preline"),
        *("qbiff", "qmail-inject", "qmail-qmqpc", "qmail-qmqpd", "qmail-qmtpd", "qmail-queue", "qreceipt", "sendmail", "tcp-env"),
        *("mailquotacheck", "qmail-qfilter"),
        *("envdir", "envuidgid", "fghack", "pgrphack", "readproctitle", "setlock", "setuidgid", "softlimit", "svscanboot"),
        *("addcr", "argv0", "delcr", "fixcrio", "mconnect", "mconnect-io", "rblsmtpd", "recordio"),
        *("tcpcat", "tcpclient", "tcprulescheck", "tcpserver"),
        *("relay-ctrl-age", "relay-ctrl-allow", "relay-ctrl-chdir", "relay-ctrl-check", "relay-ctrl-send", "relay-ctrl-udp"),
    )
)

_KEYWORDS = ("except",)

# what a program starts as forks of itself: loaded with it
STARTS: dict[str, tuple[str, ...]] = {"qmail-start": ("qmail-send", "qmail-lspawn", "qmail-rspawn", "qmail-clean", "qmail-local")}


def module(name: str) -> str:
    """Name of a program -> its module: "-" becomes "_", letters become small, a word that means something in Python gets one behind it, a
    digit at the front an "x" before it. Raises KeyError for an unknown name."""
    wing, _ = PROGRAMS[name]
    word = ("x" if name[0].isdigit() else "") + name.replace("-", "_").lower()
    return f"mta.programs.{wing}.{word}_" if word in _KEYWORDS else f"mta.programs.{wing}.{word}"
