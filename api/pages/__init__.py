"""Pages, one file each noun. Each route shows or does one thing."""
