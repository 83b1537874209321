//! IAM policies and how AWS decides over them.
