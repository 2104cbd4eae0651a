"""The contracts: Avro schemas, framing, codecs and their Python types. Imports nothing of ours."""
