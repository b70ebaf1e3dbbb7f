"""Every verb of the product, once: doors derive their commands, keys, help and palette from here."""
