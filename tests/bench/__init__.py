"""Measurements against the budgets; run them with `python -m tests.bench`. No test depends on a time."""
