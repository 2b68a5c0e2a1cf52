"""Pages that stand alone, to look at and to listen to, and what they share."""
