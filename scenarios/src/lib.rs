//! Live scenarios; see `tests/`.
