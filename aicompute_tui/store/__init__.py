"""State that lasts: tables, repositories, change feed, migrations, vault, and a snapshot for the first paint."""
