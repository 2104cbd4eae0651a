"""The archive: a whole ledger in a folder of Avro container files, with the exact bytes (docs/archive.md)."""
