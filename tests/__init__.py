"""Everything that shows the product does what it says."""
