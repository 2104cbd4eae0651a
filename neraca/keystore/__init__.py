"""The key store: who is whom, and the key of each person, in a PostgreSQL schema of their own.

Outside the log and apart from the projections, so that destroying a key erases a person for good: no journal
rebuilds `neraca_keys`, and it may live in another database than the tables. Keys stand there wrapped by a
master key that does not.
"""
