"""The explorer: a page on this machine where a style is chosen by hand, heard, measured and kept.

``server`` serves the page that ``page`` lays out and ``events`` brings to life; everything else
here knows nothing of the page and is tested without it.
"""
