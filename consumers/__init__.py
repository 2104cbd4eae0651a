"""Whatever reads topics in a loop, and the log reader they share. Imports schemas, ledger and projections."""
