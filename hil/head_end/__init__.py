"""A reference head-end: takes batches, commits them to its own file, and only then says so."""
