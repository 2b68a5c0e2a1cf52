"""One file per corpus, with the same two functions in each: obtain and prepare."""
