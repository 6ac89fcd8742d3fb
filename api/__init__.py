"""What do advisor and customer see and do? Start reading at ``app.py``."""
