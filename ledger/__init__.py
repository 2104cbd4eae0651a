"""The rules: pure functions from actions to decisions. No clock, chance or I/O. Imports `schemas` only."""
