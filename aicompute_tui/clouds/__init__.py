"""Clouds that rent machines: one module or package each, behind the Protocol in base."""
