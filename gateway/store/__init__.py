"""What must survive a power cut: readings, inventory, journal, and what was pushed of them."""
