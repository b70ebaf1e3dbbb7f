"""Where things lie and how they are configured: XDG places, config file, environment."""
