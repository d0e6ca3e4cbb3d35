"""Environment -> settings. Wrong values stop the start with one line that says what to do.

APPLIANCE_ROLE     webadmin (default), webmail: which half of the web this process is; they run as different users with different keys and
                   databases (DESIGN 4)
QMAIL_HOME         the instance (default ./var/qmail)
DATABASE_URL       sqlite:////path, postgresql://user:password@host/name or postgresql://user@/name?host=/folder/of/socket, of the control
                   plane (default: SQLite below the instance)
CELERY_BROKER_URL  default: our own SQLite transport below the instance (appliance/broker); redis://... or amqp://... in its place
APPLIANCE_HOSTS    names under which the web is reached, comma-separated (default: this machine)
APPLIANCE_DEBUG    1: Django's debug pages, never outside a development checkout
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
QMAIL_HOME = Path(os.environ.get("QMAIL_HOME") or BASE_DIR / "var" / "qmail").absolute()
ROLE = os.environ.get("APPLIANCE_ROLE", "webadmin")
if ROLE not in ("webadmin", "webmail"):
    raise ImproperlyConfigured(f"APPLIANCE_ROLE is {ROLE!r}: set it to webadmin or webmail")
IS_TEST = not {"pytest", "mypy"}.isdisjoint(sys.modules)  # tests and the type checker run without an instance
# Where this half of the web keeps its own files; deploy/hier.py makes it and gives it to the user of the role.
STATE_DIR = QMAIL_HOME / ROLE

VERSION = re.search(r"^## (\S+)", (BASE_DIR / "CHANGELOG.md").read_text(), re.MULTILINE)[1]  # type: ignore[index]

DEBUG = os.environ.get("APPLIANCE_DEBUG") == "1"
ALLOWED_HOSTS = os.environ.get("APPLIANCE_HOSTS", "localhost,127.0.0.1,[::1]").split(",")


def _secret_key() -> str:
    """Made at preparation, readable by this role's user alone; the tests' one is no secret."""
    if IS_TEST:
        return "only-for-tests"
    try:
        return (STATE_DIR / "secret-key").read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"cannot read {STATE_DIR}/secret-key ({error.strerror}): run `make prepare` first") from error


def _database(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": unquote(parts.path[1:]),
            "OPTIONS": {
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA mmap_size=0",
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
            },
        }
    if parts.scheme in ("postgresql", "postgres"):
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path[1:]),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parse_qs(parts.query).get("host", [unquote(parts.hostname or "")])[0],
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
        }
    raise ImproperlyConfigured("DATABASE_URL must begin with sqlite:/// or postgresql://")


SECRET_KEY = _secret_key()
_default_url = f"sqlite:///{STATE_DIR}/{ROLE}.sqlite3"
DATABASES = {"default": _database(os.environ.get("DATABASE_URL", _default_url) if ROLE == "webadmin" else _default_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "appliance",
    "webadmin",
]
if ROLE == "webadmin":
    INSTALLED_APPS.append("django_celery_beat")

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "appliance.middleware.SecureCookies",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "appliance.middleware.ContentSecurityPolicy",
]

ROOT_URLCONF = f"appliance.urls_{ROLE}"
WSGI_APPLICATION = "appliance.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["django.contrib.humanize.templatetags.humanize"],
        },
    }
]

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = QMAIL_HOME / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG or IS_TEST
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"

SESSION_COOKIE_NAME = f"{ROLE}_session"
SESSION_COOKIE_AGE = 7200
SESSION_SAVE_EVERY_REQUEST = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = f"{ROLE}_csrf"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "webadmin.problems.csrf_failure"
if ROLE == "webmail":  # it has its own part of the site, and keeps its cookies there
    SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = "/mail/"
    MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
    CSRF_FAILURE_VIEW = "webadmin.webmail.problem_views.csrf_failure"
    DATA_UPLOAD_MAX_MEMORY_SIZE = 8 << 20  # the text of a message and its fields; files have their own limit
    FILE_UPLOAD_HANDLERS = [
        "webadmin.webmail.upload.Cap",
        "django.core.files.uploadhandler.MemoryFileUploadHandler",
        "django.core.files.uploadhandler.TemporaryFileUploadHandler",
    ]
X_FRAME_OPTIONS = "SAMEORIGIN"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(name)s: %(levelname)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {"celery": {"level": "WARNING"}},  # at INFO it says two lines for each task
}

# Tasks: run late or twice rather than never, one at a time, and nothing but JSON. What came of them stands in our own rows (TaskRun).
_default_broker = "memory://" if IS_TEST else f"tawnysqlite://{quote(str(STATE_DIR))}/broker.sqlite3"
CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL") or _default_broker
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "tawny"
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = CELERY_EVENT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_EXPIRES = None  # nothing to clean up
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SOFT_TIME_LIMIT, CELERY_TASK_TIME_LIMIT = 25 * 60, 30 * 60  # seconds; longer tasks say so themselves
if not CELERY_BROKER_URL.startswith("amqp"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 8 * 3600}  # of the lease on a task, above every time limit
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
