"""What runs inside each contender's environment; nothing here imports beyond it and the standard library."""
