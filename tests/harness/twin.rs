//! The programs in both languages.

use super::{Program, path_of_twin, python};

/// Is the language of a program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Edition {
    Rust,
    Python,
}

impl Edition {
    pub const BOTH: [Self; 2] = [Self::Rust, Self::Python];

    /// Gives one of the four programs, such as `short-server`, in this language.
    pub fn program(self, name: &str) -> Option<Program> {
        match self {
            Self::Rust => Some(Program::new(name)),
            Self::Python => Some(Program::of(python()?).args([path_of_twin(name)])),
        }
    }
}
