"""What is for us alone: the stand-ins, the toy world, the benchmarks and the demo materials. Kept out of what ships."""
