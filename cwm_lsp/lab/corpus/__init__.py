"""Where training documents come from: generated functions, and real ones harvested with their doctest calls."""
