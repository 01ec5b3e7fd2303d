//! What a session is told.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Launch;
use super::recording::Fate;

/// What is done to one of the programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Starts it in its terminal, where it does not run.
    Start,
    /// Presses Enter, which lets it make the call that it asks for.
    Enter,
    /// Types a line.
    Type(String),
    /// Ends its input, as Ctrl-D does. From then on it asks for no call any more.
    EndInput,
    /// Presses Ctrl-C.
    Interrupt,
    /// Kills it, from another terminal.
    Kill,
    /// Does nothing.
    Look,
    /// Waits until something happens by itself or, if nothing does, for some seconds; no longer than
    /// until the session is told something else.
    Wait,
    /// Lets time go on: whatever a kernel sends once a timer has run out is let through at once, and the
    /// timers are shown.
    FollowClock,
    /// Of the two machines: loses or holds the next segment that this program's sends, or lets go the oldest
    /// one that it held.
    Lose,
    Hold,
    LetGo,
    /// Decides what becomes of whatever this program's machine sends from now on.
    Decide(Fate),
    /// Lets go what is held under this number, or loses it; or lets go all.
    LetGoHeld(usize),
    LoseHeld(usize),
    LetGoAll,
    /// Lets its machine send again what its clock tells it to, and waits until it does.
    Repeat,
    /// Cuts the cable: nothing arrives any more.
    Cut,
}

impl Act {
    /// Returns whether it is done to the program, and not to what is around it.
    pub fn is_to_program(&self) -> bool {
        use Act::{EndInput, Enter, Interrupt, Kill, Start, Type};
        matches!(self, Start | Enter | Type(_) | EndInput | Interrupt | Kill)
    }
}

/// On how many machines the programs run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Machines {
    /// On this one, at 127.0.0.1.
    #[default]
    One,
    /// On this one too, with little memory for the queues of a socket.
    OneWithSmallQueues,
    /// The server at 10.0.0.1 and its clients at 10.0.0.2; where it says so, with little memory for the
    /// queues of a socket.
    Two { small_queues: bool },
}

impl Machines {
    pub fn are_two(self) -> bool {
        matches!(self, Self::Two { .. })
    }
}

/// What a session begins with.
#[derive(Clone, Serialize, Deserialize)]
pub struct Setup {
    /// A terminal each, the server's first.
    pub programs: Vec<Launch>,
    /// From how many ports the kernel chooses one for a client: from two it takes the even one first,
    /// and from more, any.
    pub ports: u16,
    /// How long something may move before it is shown all the same.
    pub patience: Duration,
    pub machines: Machines,
}

/// A line that a session reads.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Line {
    Act {
        who: usize,
        act: Act,
    },
    /// Has a terminal, or one more, start another program the next time. It is not answered.
    Set {
        who: usize,
        launch: Launch,
    },
    /// Has the kernel choose from the ports that clients have besides those so far. It is not answered.
    OtherPorts,
}
