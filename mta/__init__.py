"""The mail system: everything that takes, queues, delivers and serves mail. No Django, no database, no Celery below here.

Floors, imports only go down: errors < formats < decisions < unix < net < programs (tests/test_layers.py holds the table).
"""
