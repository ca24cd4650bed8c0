"""Durable state of Vestnik: tables, migrations, secrets, outbox, catalogue.

Imports nothing of ours. Rows never leave the package: frozen dataclasses do.
"""
