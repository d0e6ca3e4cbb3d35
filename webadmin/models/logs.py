"""What the logs of the services say, as rows: messages, deliveries, what was accepted and refused, logins, and counts by the hour.

Written  by webadmin/logs/analyse alone; pruned by webadmin/logs/retention. They can be made again from the log files as far as these go
         back.
Columns  addresses and domains in small letters; a virtual domain's recipient without the prefix that virtualdomains put before it. Texts
         are cut to what the columns take, and hold no NUL
"""

from __future__ import annotations

from django.db import models

ADDRESS_MAX = 512
DOMAIN_MAX = 255
NAME_MAX = 64
TEXT_MAX = 1000


class LogPosition(models.Model):
    """How far the log of a service was read. state: what its analyser remembers, committed together with the rows."""

    service = models.CharField(max_length=NAME_MAX, unique=True)
    position = models.JSONField(default=dict)  # unix/multilog_reader
    state = models.JSONField(default=dict)  # decisions/deliveries; {} for other logs
    commits = models.BigIntegerField(default=0)
    lines = models.BigIntegerField(default=0)
    odd_lines = models.BigIntegerField(default=0)  # damaged, or of a kind no program of ours writes
    read_at = models.DateTimeField(null=True)
    newest_at = models.DateTimeField(null=True)  # the time of the last line

    def __str__(self) -> str:
        return self.service


class Message(models.Model):
    """One message of the queue. Queue numbers are used again: number and birth are the key. null: it stood in a log that is gone."""

    messnum = models.BigIntegerField()
    born_at = models.DateTimeField(db_index=True)  # taken from the queue: its "info msg" line
    ended_at = models.DateTimeField(null=True)  # has left the queue
    size_bytes = models.BigIntegerField(null=True)
    sender = models.CharField(max_length=ADDRESS_MAX, null=True)  # "": a bounce; "#@[]": a bounce of a bounce
    sender_domain = models.CharField(max_length=DOMAIN_MAX)
    qp = models.BigIntegerField(null=True)
    uid = models.BigIntegerField(null=True)
    successes = models.BigIntegerField(default=0)
    deferrals = models.BigIntegerField(default=0)
    failures = models.BigIntegerField(default=0)
    bounced_at = models.DateTimeField(null=True, db_index=True)
    bounce_qp = models.BigIntegerField(null=True)  # of the bounce, itself a message; 0: thrown away

    class Meta:
        constraints = [models.UniqueConstraint(fields=["messnum", "born_at"], name="message_key")]
        indexes = [
            models.Index(fields=["qp", "born_at"], name="message_qp"),
            models.Index(fields=["sender", "born_at"], name="message_sender"),
            models.Index(fields=["sender_domain", "born_at"], name="message_sender_domain"),
        ]
        ordering = ["-born_at", "-id"]

    def __str__(self) -> str:
        return f"{self.messnum} of {self.born_at:%Y-%m-%d %H:%M:%S}"


class Delivery(models.Model):
    """One attempt to deliver a message to one recipient."""

    class Outcome(models.TextChoices):
        SUCCESS = "success", "delivered"
        DEFERRAL = "deferral", "deferred"
        FAILURE = "failure", "failed"
        INTERRUPTED = "interrupted", "interrupted"  # qmail-send ended before it heard the answer

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    number = models.BigIntegerField()
    channel = models.CharField(max_length=6)  # local, remote
    recipient = models.CharField(max_length=ADDRESS_MAX)
    domain = models.CharField(max_length=DOMAIN_MAX)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    outcome = models.CharField(max_length=11, choices=Outcome)
    delay_s = models.FloatField()  # since the birth of the message
    xdelay_s = models.FloatField()  # since the start of the attempt
    report = models.CharField(max_length=TEXT_MAX)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "started_at", "number"], name="delivery_key")]
        indexes = [
            models.Index(fields=["finished_at", "outcome"], name="delivery_time"),
            models.Index(fields=["recipient", "finished_at"], name="delivery_recipient"),
            models.Index(fields=["domain", "finished_at"], name="delivery_domain"),
        ]
        ordering = ["-finished_at", "-id"]
        verbose_name_plural = "deliveries"

    def __str__(self) -> str:
        return f"{self.outcome} {self.recipient}"


class Accepted(models.Model):
    """A message that a server took and queued: "ok" of smtpd and submission. qp leads to the message."""

    service = models.CharField(max_length=NAME_MAX)
    at = models.DateTimeField(db_index=True)
    ip = models.CharField(max_length=NAME_MAX)
    qp = models.BigIntegerField()
    sender = models.CharField(max_length=ADDRESS_MAX)
    size_bytes = models.BigIntegerField()
    recipients = models.IntegerField()
    helo = models.CharField(max_length=ADDRESS_MAX)
    protocol = models.CharField(max_length=16)  # RFC 3848: S for TLS, A for a login
    user = models.CharField(max_length=ADDRESS_MAX)  # who logged in, or ""

    class Meta:
        indexes = [
            models.Index(fields=["qp", "at"], name="accepted_qp"),
            models.Index(fields=["ip", "at"], name="accepted_ip"),
        ]
        ordering = ["-at", "-id"]
        verbose_name_plural = "accepted"

    def __str__(self) -> str:
        return f"{self.service} {self.ip} {self.sender}"

    @property
    def has_tls(self) -> bool:
        return "S" in self.protocol.removeprefix("ESMTP").removeprefix("UTF8SMTP").removeprefix("SMTP")


class Refused(models.Model):
    """What a server refused: a command with its reply, or a whole connection (why)."""

    service = models.CharField(max_length=NAME_MAX)
    at = models.DateTimeField(db_index=True)
    ip = models.CharField(max_length=NAME_MAX)
    sender = models.CharField(max_length=ADDRESS_MAX)
    recipient = models.CharField(max_length=ADDRESS_MAX)  # of a refused RCPT, else ""
    command = models.CharField(max_length=ADDRESS_MAX)
    reply = models.CharField(max_length=TEXT_MAX)
    why = models.CharField(max_length=TEXT_MAX)

    class Meta:
        indexes = [
            models.Index(fields=["ip", "at"], name="refused_ip"),
            models.Index(fields=["recipient", "at"], name="refused_recipient"),
            models.Index(fields=["sender", "at"], name="refused_sender"),
        ]
        ordering = ["-at", "-id"]
        verbose_name_plural = "refused"

    def __str__(self) -> str:
        return f"{self.service} {self.ip} {self.reply or self.why}"


class Login(models.Model):
    """An answer of the login broker."""

    class Outcome(models.TextChoices):
        OK = "ok", "right"
        DENY = "deny", "wrong"
        WARNING = "warning", "could not be checked"

    at = models.DateTimeField(db_index=True)
    outcome = models.CharField(max_length=7, choices=Outcome)
    service = models.CharField(max_length=NAME_MAX)  # pop3, imap, smtp
    name = models.CharField(max_length=ADDRESS_MAX)
    ip = models.CharField(max_length=NAME_MAX)
    why = models.CharField(max_length=TEXT_MAX)

    class Meta:
        indexes = [
            models.Index(fields=["name", "at"], name="login_name"),
            models.Index(fields=["ip", "at"], name="login_ip"),
        ]
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.outcome} {self.service} {self.name} {self.ip}"


class Notice(models.Model):
    """A line with which a program asks for attention: warning, alert, fatal."""

    service = models.CharField(max_length=NAME_MAX)
    at = models.DateTimeField(db_index=True)
    word = models.CharField(max_length=7)
    text = models.CharField(max_length=TEXT_MAX)

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.service}: {self.word}: {self.text}"


class HourCount(models.Model):
    """How often something happened in an hour, in all (domain "") and for each domain. is_day: the hours of that day together."""

    class What(models.TextChoices):
        ACCEPTED = "accepted"  # by smtpd and submission; in all only
        REFUSED = "refused"  # in all only
        SENT = "sent"  # messages, by the domain of the sender
        SUCCESS = "success"  # deliveries, by the domain of the recipient, as are the next two
        DEFERRAL = "deferral"
        FAILURE = "failure"
        BOUNCED = "bounced"  # messages, by the domain of the sender
        LOGIN_OK = "login_ok"  # in all only
        LOGIN_DENY = "login_deny"

    hour = models.DateTimeField()
    is_day = models.BooleanField(default=False)
    what = models.CharField(max_length=10, choices=What)
    domain = models.CharField(max_length=DOMAIN_MAX)
    number = models.BigIntegerField()
    size_bytes = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hour", "is_day", "what", "domain"], name="hour_count_key")]
        indexes = [models.Index(fields=["domain", "hour"], name="hour_count_domain")]
        ordering = ["hour", "what", "domain"]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H} {self.what} {self.domain} {self.number}"
