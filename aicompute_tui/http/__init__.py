"""Short questions over HTTP to very many servers, each over a connection of its own."""
