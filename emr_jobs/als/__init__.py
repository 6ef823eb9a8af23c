"""ALS on bought pairs: one kernel, and three ways to drive it."""
