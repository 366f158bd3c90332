"""How a listing continues: pagination, incremental state, parents, chunks, recursion, jobs."""
