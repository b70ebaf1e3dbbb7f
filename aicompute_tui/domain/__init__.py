"""Words and rules: frozen models, pure functions and errors; no I/O and no import of another room."""
