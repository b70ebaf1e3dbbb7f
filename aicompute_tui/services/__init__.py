"""Use cases, one module each; they know the store and the adapters' Protocols, no SQL, no HTTP and no screen."""
