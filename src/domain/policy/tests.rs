//! The rules as tables: one row, one case.

mod conditions;
mod decisions;
mod documents;
mod table;
