"""The way to the head-end: batches, their acknowledgements, and the link they travel on."""
