"""What did the car say? Messages come in from the broker and are stored exactly once."""
