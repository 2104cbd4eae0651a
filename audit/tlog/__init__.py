"""The journal as a transparency log: a Merkle tree over its decisions, signed checkpoints, tiles and proofs.

The formats are public ones (RFC 6962 and the C2SP specifications), so that whoever does not trust us checks
with tools of others. Nothing here decides or reads a topic.
"""
