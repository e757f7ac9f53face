"""User studies of a run's pictures: pages to answer on, exports to other platforms, and checked answers."""
