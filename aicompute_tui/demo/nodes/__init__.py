"""The machines of the demo: each answers ssh at a loopback address of its own, and none of them is a real computer."""
