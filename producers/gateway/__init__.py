"""The HTTP gateway (contract §7): actions in, decisions out, and what the ledger knows, to whoever may know
it.

It writes to Kafka and learns the decision from the journal. It decides nothing and writes no table of the
ledger; keys, access records, the journal and the refusals' sentences are handed to it (`ports.py`), so that
this package knows the contracts alone.
"""
