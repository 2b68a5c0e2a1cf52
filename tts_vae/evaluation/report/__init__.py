"""An evaluation as a whole: its sections in order, its tables, its page, voices side by side."""
