"""aic-tui: an operations console for people who run language models on machines they rent and own."""

__version__ = "0.1.0"
