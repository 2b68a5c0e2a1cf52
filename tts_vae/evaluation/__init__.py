"""What is measured, room by room; definitions in each function's docstring.

``measures`` of sounds, codes and symbols alone; ``listeners`` that judge; what is measured of
``voices``, their ``controls``, ``cards`` and ``images``; the whole as ``report`` and ``pages``;
``peers`` beside us.
"""
