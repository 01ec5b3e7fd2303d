//! What the four programs share, so that each `main.rs` shows its conversation and nothing else.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `socket.rs` | [`Socket`]: the calls of the lesson, as a robust program makes them, narrated |
//! | `narration.rs` | how a call is narrated, and the pause of `STEP=1` |
//! | `output.rs` | standard output, and the question that stands under it |
//! | `address.rs` | an address as text |
//! | `threads.rs` | a thread for each client: [`start_thread`] |
//! | `bytes.rs` | bytes from the network as text that is safe to print: [`printable`] |
//! | `error.rs` | [`Error`]: the call that failed, the system's words, and a hint |
//! | `program.rs` | the frame of a program: the log, the arguments, the error, the exit status |

mod address;
mod bytes;
mod error;
mod narration;
mod output;
mod program;
mod socket;
mod threads;

pub use bytes::printable;
pub use error::{Error, Result};
pub use program::{long_client, print, server, short_client};
pub use socket::Socket;
pub use threads::start_thread;
