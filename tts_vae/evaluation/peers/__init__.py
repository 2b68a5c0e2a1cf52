"""This package beside others: the same work in turn in one process, told from outside."""
