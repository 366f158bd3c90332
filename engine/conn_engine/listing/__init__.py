"""What comes next in a listing: pagination, incremental state, parents, chunks, recursion, jobs."""
