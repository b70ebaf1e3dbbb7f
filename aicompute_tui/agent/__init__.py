"""The agent: workers that follow machines and carry out jobs with no console open, and the socket it is asked by."""
