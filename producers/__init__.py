"""Whatever writes actions. Imports `schemas` only: no rule is judged here."""
