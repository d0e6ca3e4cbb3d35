"""docs/options.md: every option, variable and control file that manuals of the originals name, and where each is here, or why it is not.

The names are those of the manuals of qmail 1.03, netqmail, notqmail and of the programs around it. What is here is found in the code:
control files in formats/control_files, variables in the heads of the programs, options in what each program passes to formats/sgetopt.
tests/test_options.py fails where a name is neither in the code nor in one of the lists of what is missing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from deploy.environment import CHECKOUT
from mta import board
from mta.formats.control_files import BY_NAME

# -- names -------------------------------------------------------------------------------------------------------------------------


def _names(text: str) -> list[str]:
    return text.split()


CONTROL = _names("""
    badmailfrom bouncefrom bouncehost concurrencylocal concurrencyremote databytes defaultdomain defaulthost doublebouncehost doublebounceto
    envnoathost helohost idhost localiphost locals me morercpthosts morercpthosts.cdb percenthack plusdomain qmqpservers queuelifetime
    rcpthosts smtpgreeting smtproutes timeoutconnect timeoutremote timeoutsmtpd virtualdomains
    authsenders badhelo badmailfromnorelay badrcptto badrcpttonorelay brtlimit clientca.pem clientcert.pem clientcrl.pem dh1024.pem
    dh2048.pem dh4096.pem dh512.pem dkimkeys dnsbllist goodrcptto mailrules maxrcpt morebadrcptto morebadrcptto.cdb notlshosts
    notlshosts_auto outgoingip policy qmtproutes rewrite rsa2048.pem rsa4096.pem rsa512.pem servercert.pem servercerts signatures simcontrol
    simcontrol.cdb smtpplugins spfbehavior spfexp spfguess spfrules srs_alwaysrewrite srs_domain srs_hashlength srs_hashmin srs_maxage
    srs_secrets srs_separator surbldomains taps tarpitcount tarpitdelay tlsclientciphers tlsclients tlshosts tlsserverciphers validrcptto
    validrcptto.cdb
""")

USERS = _names("append assign cdb exclude include mailnames subusers")

VARIABLES = _names("""
    DATABYTES DEFAULT DTLINE EXT EXT2 EXT3 EXT4 GID HOME HOST HOST2 HOST3 HOST4 LOCAL LOGNAME MAIL MAILDIR MAILHOST MAILNAME MAILTMP
    MAILUSER NAME NEWSENDER PATH PROTO QMAILDEFAULTDOMAIN QMAILDEFAULTHOST QMAILHOST QMAILIDHOST QMAILINJECT QMAILMFTFILE QMAILNAME
    QMAILPLUSDOMAIN QMAILQUEUE QMAILREMOTE QMAILSHOST QMAILSUSER QMAILUSER QUEUE_EXTRA RCPTCHECK RECIPIENT RELAYCLIENT RPLINE SENDER SHELL
    SMTPAUTH SMTPS TCPLOCALHOST TCPLOCALIP TCPLOCALPORT TCPREMOTEHOST TCPREMOTEINFO TCPREMOTEIP TCPREMOTEPORT TLSCIPHERS TZ UFLINE UID USER
    ENABLE_SPP NOSPP SPPCONFFILE SMTPHELOHOST SMTPMAILFROM SMTPRCPTCOUNT SMTPRCPTCOUNTALL SMTPRCPTHOSTSOK SMTPRCPTTO
    AUTHARGV0 AUTHENTICATED AUTHINFO AUTHUSER CHKUSER_MBXQUOTA CHKUSER_RCPTLIMIT CHKUSER_START CHKUSER_WRONGRCPTLIMIT DELIVER_TO_STDOUT
    DISABLETLS DKIMQUEUE DKIMSIGN DKIMSIGNOPTIONS DKIMVERIFY DNSBLLIST DNSBLSKIP DROP_PRE_GREET ENVSIZE FORCETLS GREETDELAY GREYLISTING
    MAXCONNIP MSGSIZE NOBADHELO NUMRCPTS QMAILPPID QMAILRCPTS QMAILREWRITEFILE QQF_QMAILQUEUE QS_SPAMASSASSIN RBLSMTPD RELAY_CTRL_DIR
    RELAY_CTRL_DIR_FD RELAY_CTRL_EXPIRY RELAY_CTRL_LOG_ENV RELAY_CTRL_LOG_IPS RELAY_CTRL_PORT RELAY_CTRL_RELAYCLIENT RELAY_CTRL_REMOTES
    RELAY_CTRL_TIMEOUT RELAY_CTRL_TRIES SIMSCAN_DEBUG SIMSCAN_DEBUG_FILES SMTPD_GREETDELAY SPFBEHAVIOR TARPITCOUNT TARPITDELAY VPOPUSER
""")

OPTIONS = {
    "qmail-inject": "nNaAhHf",
    "qmail-local": "nN",
    "qmail-pw2u": "ohHUucC/",
    "sendmail": "vimxepBoEJtfFb",
    "preline": "frdFRD",
    "tcp-env": "rRt",
    "tcpserver": "1UXpPhHrRoOdDqQvcxBgublt",
    "tcpclient": "hHrRdDqQvipTlt",
    "rblsmtpd": "bBcCtraW",
    "svc": "udopchaitkx12wq+=Ll",
    "setlock": "nNxX",
    "softlimit": "mdslaopfcrt",
    "fastforward": "nNpPdD",
    "dot-forward": "nN",
    "new-inject": "nNaAhHFIMRSf",
    "maildirserial": "bt",
    "qmHandle": "alLRNcsmdfFShHbBxXtDV",
    "isoqlog": "f",
}

# -- what is not there -------------------------------------------------------------------------------------------------------------

_TLS = "Under tcpserver qmail-smtpd has no TLS; smtpd, submission and pop3d have, with servercert.pem and what OpenSSL takes for safe."
_KEYS = "OpenSSL makes such parameters itself."
_CLIENT_CERTIFICATES = "Who may relay says so with a password (submission), from a known address (tcp.smtp) or after POP3 (relay-ctrl)."
_SPF = "SPF is not looked at. A program for it can stand in QMAILQUEUE, or be a filter of qmail-qfilter."
_SRS = "Senders of forwarded mail stay as they are. An SRS program can be a command of a dot-qmail file."
_DKIM = "Messages are neither signed nor verified here. A program for it can stand in QMAILQUEUE."
_SCANNERS = "Scanners are programs of others: they can stand in QMAILQUEUE, or be filters of qmail-qfilter."
_SPP = "Plugins of qmail-spp are not there: QMAILQUEUE and qmail-qfilter take filters of messages, tcpserver's rules those of clients."
_CHKUSER = "smtpd asks for each recipient of a virtual domain by itself, and refuses unknown ones at RCPT."
_EVERYBODY = "badmailfrom and badrcptto count for everybody, relay clients too, as badmailfrom does in the original."
_LISTS = "rblsmtpd stands before qmail-smtpd: its options name the lists, RBLSMTPD in tcpserver's rules the exceptions."
_GREET = "rblsmtpd -W waits before the greeting, GREETDELAY seconds, and keeps out who does not wait."

NO_CONTROL = {
    "badmailfromnorelay badrcpttonorelay": _EVERYBODY,
    "brtlimit": "smtpd ends a session after 20 wrong commands or refused recipients.",
    "goodrcptto validrcptto validrcptto.cdb": _CHKUSER,
    "clientca.pem clientcrl.pem tlsclients": _CLIENT_CERTIFICATES,
    "dh512.pem dh1024.pem dh2048.pem dh4096.pem rsa512.pem rsa2048.pem rsa4096.pem": _KEYS,
    "tlsserverciphers": _TLS,
    "servercerts": "There is one certificate; it can hold the names of all domains.",
    "notlshosts_auto": "A handshake that fails gets one try without TLS each time; files in notlshosts are an administrator's.",
    "dkimkeys": _DKIM,
    "dnsbllist": _LISTS,
    "mailrules policy": "Who may write to whom is not decided here; bouncesaying and condredirect do it for one address.",
    "taps": "control/queueextra sends a copy of every message; a dot-qmail file one of what comes for its address.",
    "qmtproutes": "qmail-remote speaks SMTP only; maildirqmtp sends what waits for one host by QMTP.",
    "simcontrol simcontrol.cdb surbldomains": _SCANNERS,
    "smtpplugins": _SPP,
    "spfbehavior spfexp spfguess spfrules": _SPF,
    "srs_alwaysrewrite srs_domain srs_hashlength srs_hashmin srs_maxage srs_secrets srs_separator": _SRS,
}

NO_VARIABLE = {
    "AUTHINFO DKIMQUEUE DKIMSIGN DKIMSIGNOPTIONS DKIMVERIFY": _DKIM,
    "CHKUSER_MBXQUOTA CHKUSER_RCPTLIMIT CHKUSER_START CHKUSER_WRONGRCPTLIMIT RCPTCHECK": _CHKUSER,
    "DELIVER_TO_STDOUT": "vdelivermail delivers, and nothing else; a command of a dot-qmail file has the message on descriptor 0.",
    "DISABLETLS FORCETLS SMTPS TLSCIPHERS": _TLS,
    "DNSBLLIST DNSBLSKIP": _LISTS,
    "DROP_PRE_GREET SMTPD_GREETDELAY": _GREET,
    "ENABLE_SPP NOSPP SPPCONFFILE SMTPHELOHOST SMTPMAILFROM SMTPRCPTCOUNT SMTPRCPTCOUNTALL SMTPRCPTHOSTSOK SMTPRCPTTO": _SPP,
    "GREYLISTING": "There is no greylisting; mail of strangers is taken at once, or kept out by rblsmtpd.",
    "QS_SPAMASSASSIN SIMSCAN_DEBUG SIMSCAN_DEBUG_FILES": _SCANNERS,
    "QUEUE_EXTRA": "Compiled into the original; here it is control/queueextra.",
    "SPFBEHAVIOR": _SPF,
    "VPOPUSER": "checkpassword sets USER to the whole address of a virtual mailbox.",
}

NO_OPTION = {"svc": {"12wq+=Ll": "Those of daemontools-encore: supervise is that of daemontools."}}

NO_PROGRAM = {
    "autorespond": "Answers by themselves are not there; any autoresponder can be a command of a dot-qmail file.",
    "checkpw, checkvpw, checkpoppasswd": "CHECKPASSWORD_SOURCES tells checkpassword where users are.",
    "Courier, Dovecot": "IMAP is not served; both can read the same Maildirs, whose files of theirs are left alone.",
    "eliminate-dups": "A delivery that is repeated after a crash is recognised; copies by two ways are two messages.",
    "ezmlm-idx": "The list manager is not there: lists are aliases, fastforward's or compiled mailing lists, or an installed ezmlm.",
    "maildrop, mailbot, reformail": "Filters of users are commands of dot-qmail files; maildrop can be one.",
    "qmail-lint": "The pages of control files and Explain say what is wrong with a set-up; checkhomeownership looks at homes.",
    "qmail-qsanity, queue_repair, queue-rename": "queue-fix says what is wrong with a queue (-N), and mends it.",
    "qmail-popbull": "Messages to all are mail: a list with everybody in it.",
    "qmail-scanner, simscan, simscanmk, surblfilter": _SCANNERS,
    "qmail-todo": "qmail-send takes what is new while it delivers; neither holds up the other (docs/walk.md).",
    "qmailadmin, vqadmin, SqWebMail": "The pages of the appliance do what they did.",
    "qmqtool": "qmHandle and qmail-qread.",
    "qsecretary": "Nobody is asked to confirm that he wrote.",
    "qsmhook": "preline is its successor, and notqmail has dropped it.",
    "srsfilter, qmail-dkim": "See srs_domain and DKIMSIGN.",
    "tai64n2tai": "matchup and isoqlog read TAI64N by themselves.",
    "vpopmail: vmoduser, vsetuserquota, vuserinfo, vdominfo, valias, vmoddomlimits, vdeloldusers, vpopbull, vconvert, vmkpasswd, vipmap": (
        "The pages do that, or nothing needs it; vadddomain, vaddaliasdomain, vadduser, vpasswd, vdeluser, vdeldomain are in `manage.py`."
    ),
    "vpopmail: vchkpw, clearopensmtp": "checkpassword knows virtual mailboxes, relay-ctrl keeps who has logged in.",
    "vpopmail: vpopmaild, vusaged": "The pages, manage.py and the installer's socket; maildirsize tells how full a mailbox is.",
    "who@, date@, finger@, http@": "`tcpclient -RHl0 -- HOST PORT sh -c '...'` each; tcpcat and mconnect are there.",
    "zoutcome": "Not in qmailanalog either.",
}

CONSTANTS = {
    "conf-qmail": "QMAIL_HOME, where an instance was prepared",
    "conf-break": "`-`, as everywhere",
    "conf-patrn": "002: what is writable by everybody is not followed",
    "conf-spawn": "control/concurrencylimit (120)",
    "conf-split": "23",
    "conf-users, conf-groups": "those names, looked up when they are needed; without root everything is one user's",
    "QUEUE_EXTRA": "control/queueextra",
    "big-todo": "todo/ and intd/ are flat",
}


def words(table: dict[str, str]) -> dict[str, str]:
    """{each word of the keys: its reason}"""
    return {word: reason for names, reason in table.items() for word in names.split()}


# -- what is there -----------------------------------------------------------------------------------------------------------------


def _room(name: str) -> list[Path]:
    path = CHECKOUT.joinpath(*board.module(name).split("."))
    return sorted(path.glob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def taken(name: str) -> frozenset[str]:
    """The letters a program takes as options: those it passes to formats/sgetopt, or has in a frozenset of its own."""
    trees = [ast.parse(path.read_text()) for path in _room(name)]
    return frozenset(letter for tree in trees for text in _known(tree) for letter in text if letter not in ":?")


def _known(tree: ast.Module) -> Iterator[str]:
    named = {t.id: n.value for n in tree.body if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Options", "frozenset") and node.args:
            value = node.args[-1]
            value = named.get(value.id, value) if isinstance(value, ast.Name) else value
            if isinstance(value, ast.Constant) and isinstance(value.value, str | bytes):
                yield value.value if isinstance(value.value, str) else value.value.decode("latin-1")


@cache
def constants() -> frozenset[str]:
    """Every literal of the mail system's code that stands for itself: no docstrings."""
    return frozenset(text for path in (CHECKOUT / "mta").rglob("*.py") if path.name != "control_files.py" for text in _literals(path))


def _literals(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            yield node.value if isinstance(node.value, str) else node.value.decode("latin-1")


def is_in_code(variable: str) -> bool:
    """Some names are put together, as b"TCP%bIP" is."""
    if variable in constants():
        return True
    made = (text for text in constants() if re.fullmatch(r"[A-Z]+%b[A-Z]+", text))
    return any(re.fullmatch(text.replace("%b", "(LOCAL|REMOTE)"), variable) for text in made)


# -- the page ----------------------------------------------------------------------------------------------------------------------


def page(heads: dict[str, str]) -> str:
    """heads: of the programs, by their names."""
    return "\n".join([*_HEAD, *_controls(), *_variables(heads), *_options(), *_programs()])


_HEAD = (
    "# Options, variables, control files",
    "",
    "Made by `make docs`. Every name that the manuals of the originals know, with where it is here, or why it is not. What ours know",
    "beyond that stands in the [pages of the programs](programs/index.md); `bin/qmail-showctl` tells of the control files that are there.",
    "",
)


def _table(first: str, second: str, rows: dict[str, str]) -> list[str]:
    return [f"| {first} | {second} |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows.items()), ""]


def _missing(table: dict[str, str]) -> list[str]:
    rows = {" ".join(f"`{name}`" for name in names.split()): reason for names, reason in sorted(table.items())}
    return ["Not there:", "", *_table("name", "why", rows)]


def _controls() -> Iterator[str]:
    rows = {f"`{name}`": _readers(name) for name in sorted(CONTROL) if name in BY_NAME}
    yield from ["## Control files", "", *_table("file", "read by", rows)]
    yield "In users/: `" + "`, `".join(USERS) + "`, read by qmail-newu (assign), qmail-lspawn (cdb) and qmail-pw2u (the others)."
    yield ""
    yield from _missing(NO_CONTROL)


def _readers(name: str) -> str:
    file = BY_NAME[name]
    return ", ".join(file.used_by) + (f"; {file.variable} outranks it" if file.variable else "")


def _variables(heads: dict[str, str]) -> list[str]:
    absent = words(NO_VARIABLE)
    rows = {f"`{name}`": named_by(name, heads) for name in sorted(VARIABLES) if name not in absent}
    return ["## Variables of the environment", "", *_table("variable", "see", rows), *_missing(NO_VARIABLE)]


# whose heads name too many of them, or words that mean something else there
_WHERE = {
    "set by qmail-local": "DEFAULT DTLINE EXT EXT2 EXT3 EXT4 HOME HOST HOST2 HOST3 HOST4 LOCAL NEWSENDER RECIPIENT RPLINE SENDER UFLINE "
    "USER",
    "set by tcpserver, tcpclient, tcp-env": "PROTO TCPLOCALHOST TCPLOCALIP TCPLOCALPORT TCPREMOTEHOST TCPREMOTEINFO TCPREMOTEIP "
    "TCPREMOTEPORT",
    "set by envuidgid; tcpserver -U": "GID UID",
    "qmail-inject, new-inject": "LOGNAME MAILHOST MAILNAME MAILUSER NAME QMAILHOST QMAILNAME QMAILSHOST QMAILSUSER QMAILUSER",
    "every program that queues a message, but the queue writer": "QMAILQUEUE",
    "every program that runs another": "PATH",
}


def named_by(variable: str, heads: dict[str, str]) -> str:
    """The programs whose heads tell of it."""
    where = [places for places, variables in _WHERE.items() if variable in variables.split()]
    found = sorted(name for name, text in heads.items() if re.search(rf"(?<![A-Z_]){variable}(?![A-Z_])", text))
    return where[0] if where else ", ".join(found)


def _options() -> list[str]:
    rows = {}
    for name, letters in sorted(OPTIONS.items()):
        absent = NO_OPTION.get(name, {})
        here = " ".join(f"-{letter}" for letter in letters if not any(letter in some for some in absent))
        rows[f"[{name}](programs/{name}.md)"] = here + "".join(f"; not -{' -'.join(some)}: {why}" for some, why in absent.items())
    rows["[multilog](programs/multilog.md)"] = "t -PATTERN +PATTERN e =FILE sSIZE nNUMBER !PROCESSOR DIR"
    return ["## Options", "", *_table("program", "options", rows), "Programs that are not in this table have none in their manuals.", ""]


def _programs() -> list[str]:
    return [
        *["## Programs that are not there", "", *_table("programs", "instead", NO_PROGRAM)],
        *["## Compiled into the originals", "", *_table("name", "here", CONSTANTS)],
    ]
