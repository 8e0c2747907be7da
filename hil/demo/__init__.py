"""The demo: every process of the bench, what is done to them, and what is shown of it."""
