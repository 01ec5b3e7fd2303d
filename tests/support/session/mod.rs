//! Real runs, step by step.
//!
//! A session runs programs in terminals of their own, in a network of their own. Whoever drives it
//! tells it one [`Act`] after the other, and is answered each time with what there is to see then, a
//! [`Frame`](recording::Frame): that is all that a driver knows. A [`Remote`] is a session in another
//! process, which is the one that is in that network.

mod act;
pub mod ask;
#[cfg(target_os = "linux")]
mod inside;
mod launch;
pub mod once;
pub mod picture;
pub mod recording;
mod remote;
mod source;

pub use act::{Act, Machines, Setup};
pub use launch::{ADDRESS, ADDRESS_OF_SERVER, Launch};
pub use remote::{Answer, Network, Remote, SESSION, Told, be_session};
pub use source::source_of;
