//! Every policy is enough, and nothing of it is too much: with all of them each needed call is allowed, and without any
//! one statement, action or resource some call is denied by that side.

mod batch;
mod enough;
mod wording;
