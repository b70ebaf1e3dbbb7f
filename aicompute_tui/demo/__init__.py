"""The embedded world: a small cloud on loopback, with machines and a past, to try the console without an account."""
