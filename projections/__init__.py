"""The read models: one file each, with its table. Imports `schemas` only."""
