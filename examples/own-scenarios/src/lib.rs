//! What your scenarios share: helpers, fixtures. The scenarios are in `tests/`.
