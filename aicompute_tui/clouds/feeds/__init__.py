"""What machines cost by public lists: asked for only where something changed, and checked before it is believed."""
