"""gunicorn's door. The screens are loaded at once: what is wrong with one is heard at the start, and the first page need not wait."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "appliance.settings")
application = get_wsgi_application()
get_resolver().url_patterns  # noqa: B018 - loads them
