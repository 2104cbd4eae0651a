"""The command line, the settings and the embedded stack. May import everything; nothing imports it."""
