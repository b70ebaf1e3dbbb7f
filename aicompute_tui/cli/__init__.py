"""The headless twin: every verb of the product as a command, for people and for programs."""
