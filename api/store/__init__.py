"""Every question that pages ask the database: literal SQL, one typed function each, by noun.

Each takes the asking person's ``dealer_id``: nobody sees another dealer's rows.
"""
