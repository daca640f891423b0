"""Many images: catalogue, schedule, executors, and what is told of them together."""
