"""Is it any good: one clip measured, two compared."""
