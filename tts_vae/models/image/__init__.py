"""Networks for pixels and for grids of codes."""
