#[test]
fn placeholder_until_tables() {}
