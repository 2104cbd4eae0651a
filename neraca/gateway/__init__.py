"""Hands the gateway what `producers` may not import: the journal's reader, the rules' sentences, the keys."""
