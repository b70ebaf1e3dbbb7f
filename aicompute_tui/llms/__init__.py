"""What answers prompts: one dialect for each wire format, and the presets of those who speak them."""
