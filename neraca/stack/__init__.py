"""The embedded stack: a real Kafka and a real PostgreSQL out of Python packages, in one folder of the user's.

`embedded.py` is the way in (`EmbeddedStack`); the other modules are its parts. Nothing here knows the rules
of the ledger, and nothing here is needed when Kafka and PostgreSQL stand elsewhere.
"""
