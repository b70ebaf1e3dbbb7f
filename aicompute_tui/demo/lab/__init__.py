"""The container host of the demo: an engine that answers on loopback, with containers, images, logs and figures."""
