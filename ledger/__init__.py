"""The rules: pure functions from actions to decisions. No clock, no chance, no I/O. Imports `schemas` only."""
