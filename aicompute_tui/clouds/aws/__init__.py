"""AWS by plain boto3 in a bounded pool of threads; boto3 is imported in those threads only."""
