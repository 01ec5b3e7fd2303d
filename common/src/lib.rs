//! What the four programs share, so that each `main.rs` shows its conversation and nothing else.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `server.rs` | what a server does before a conversation: [`listen`], [`accept`] |
//! | `clients.rs` | a thread for each client: [`start_thread`] |
//! | `client.rs` | what a client does before it: [`connect`] |
//! | `conversation.rs` | what both do in it: [`recv`], [`send`], [`close`], [`linger_and_close`] |
//! | `socket.rs` | [`Socket`]: each system call by itself, narrated |
//! | `narration.rs` | how a call is narrated |
//! | `step.rs` | the pause before a call |
//! | `address.rs` | [`Address`]: `HOST:PORT` |
//! | `bytes.rs` | [`printable`]: bytes from the network as text that is safe to print |
//! | `error.rs` | [`Error`]: what can fail, and what is said of it |
//! | `output.rs` | the log, and [`print()`] for a reply |
//! | `arguments.rs` | the command line |
//! | `program.rs` | the frame of a program: [`server()`], [`short_client`], [`long_client`] |

mod address;
mod arguments;
mod bytes;
mod client;
mod clients;
mod conversation;
mod error;
mod narration;
mod output;
mod program;
mod server;
mod socket;
mod step;

pub use address::Address;
pub use bytes::printable;
pub use client::connect;
pub use clients::start_thread;
pub use conversation::{close, linger_and_close, recv, send};
pub use error::{Error, Result};
pub use output::print;
pub use program::{long_client, server, short_client};
pub use server::{accept, listen};
pub use socket::Socket;
