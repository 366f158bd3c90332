"""What a response means: failures, rate limits, waits."""
