"""Care's SQL, one module each noun. Every function takes an open connection and never commits."""
