"""Secure shells to machines: connections, host keys, our own key, commands, streams and tunnels."""
