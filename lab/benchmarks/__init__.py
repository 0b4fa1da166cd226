"""Speed, as ratios measured side by side in one run; no test asserts a time."""
