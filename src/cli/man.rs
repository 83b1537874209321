//! `xsw man`: the manual page, made from the command line's own description.

use crate::error::Result;

pub(super) fn run() -> Result<()> {
    todo!()
}
