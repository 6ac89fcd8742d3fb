"""What we call things, and what we keep: the nouns, the catalogues, the clock and the database."""
