//! Where the Python twins are.

/// Gives the path of the Python twin of one of the four programs, such as `short-server`.
pub fn path_of_twin(program: &str) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    format!("{root}/{program}/{}.py", program.replace('-', "_"))
}
