//! The audit trail at rest: one JSON line for each event, mode 0600, rotated by size.
