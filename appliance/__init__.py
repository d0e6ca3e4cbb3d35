"""The Django project: settings, routes, Celery, the broker. Wiring only; what the screens do stands in webadmin/."""
