"""Replay, as-of, verify, what-if, proofs and reports: whatever asks the journal, and never writes to it."""
