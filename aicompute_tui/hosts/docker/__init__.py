"""Docker engines and what speaks like one: over a socket, TCP, TLS and ssh."""
