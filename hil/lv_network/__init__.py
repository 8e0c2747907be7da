"""The low-voltage network as its power line sees it: cables, weather, slots and repetition."""
