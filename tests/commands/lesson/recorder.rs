//! Lets programs make one call at a time, and writes down what there is to see once nothing moves any
//! more.

use std::collections::BTreeMap;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crate::narration;
use crate::network::{self, Row, Wire, beginning, choose_ports_for, owner_of};
use crate::started::Started;
use crate::terminal::Terminal;
use support::session::recording::{Frame, Part, Recording, Socket};

/// The time between two looks. Nothing moves where three of them in a row show the same.
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);
const LOOKS: usize = 3;

/// How long something may move.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Recorder {
    pub terminals: Vec<Terminal>,
    wire: Wire,
    /// From how many ports the kernel chooses one for a client.
    ports: u16,
    /// The ports of a socket, by its inode.
    ports_of: BTreeMap<u64, (u16, u16)>,
    frames: Vec<Frame>,
    /// Whether all have come to rest whenever that was waited for.
    pub comes_to_rest: bool,
}

impl Recorder {
    pub fn new(programs: Vec<Started>, ports: u16) -> io::Result<Self> {
        let terminals = programs.into_iter().map(Terminal::new).collect::<io::Result<_>>()?;
        let (ports_of, frames) = Default::default();
        let (wire, comes_to_rest) = (Wire::open()?, true);
        Ok(Self { terminals, wire, ports, ports_of, frames, comes_to_rest })
    }

    /// Starts a program, and returns whether it comes to rest.
    pub fn start(&mut self, who: usize) -> io::Result<bool> {
        choose_ports_for(who, self.ports)?;
        self.terminals[who].start()?;
        self.settle()
    }

    /// Types a line or, to let a program make its next call, only presses Enter, and returns whether
    /// all come to rest.
    pub fn enter(&mut self, who: usize, line: &str) -> io::Result<bool> {
        choose_ports_for(who, self.ports)?;
        self.terminals[who].enter(line);
        self.settle()
    }

    pub fn interrupt(&mut self, who: usize) -> io::Result<bool> {
        self.terminals[who].interrupt();
        self.settle()
    }

    /// Waits until something is so, and then for rest.
    pub fn wait_until(&mut self, is_so: impl Fn(&Self) -> bool) -> io::Result<bool> {
        let begun = Instant::now();
        while !is_so(self) {
            if begun.elapsed() > PATIENCE {
                return Ok(false);
            }
            self.settle()?;
        }
        self.settle()
    }

    /// Returns whether a client's kernel has sent its SYN again.
    pub fn was_sent_again(&self, who: usize) -> bool {
        self.port_of(who).is_some_and(|port| self.wire.was_sent_again(port))
    }

    fn port_of(&self, who: usize) -> Option<u16> {
        let mut ports = self.ports_of.values().map(|(port, _)| *port);
        ports.find(|port| owner_of(*port, self.terminals.len()) == who)
    }

    /// Waits for rest: each thread of each program sleeps, and all that was sent is confirmed.
    fn settle(&mut self) -> io::Result<bool> {
        let begun = Instant::now();
        let (mut last, mut alike) = (None, 1);
        while alike < LOOKS {
            thread::sleep(BETWEEN_LOOKS);
            if begun.elapsed() > PATIENCE {
                self.comes_to_rest = false;
                return Ok(false);
            }
            let is_asleep = self.terminals.iter().all(Terminal::is_asleep);
            let printed: Vec<_> =
                self.terminals.iter_mut().map(Terminal::read).collect::<io::Result<_>>()?;
            let sockets = network::sockets()?;
            let is_at_rest = is_asleep && network::is_at_rest(&sockets);
            let now = Some((printed, sockets, self.wire.read()?));
            alike = if is_at_rest && now == last { alike + 1 } else { 1 };
            last = now;
            if alike == LOOKS && self.terminals.iter().any(Terminal::pauses) {
                alike = 1;
            }
        }
        Ok(true)
    }

    /// Returns what there is to see, without a sentence: which program acted, with which call, and
    /// whose SYN was to be sent again.
    pub fn look(
        &mut self,
        who: Option<usize>,
        call: Option<&str>,
        again: &[usize],
    ) -> io::Result<Frame> {
        let sockets = self.sockets()?;
        let again: Vec<u16> = again.iter().filter_map(|who| self.port_of(*who)).collect();
        Ok(Frame {
            who,
            call: call.map(|call| narration::name(call).to_owned()),
            sides: self.terminals.iter_mut().map(Terminal::frame).collect(),
            sockets,
            segments: self.wire.take(self.terminals.len(), &again),
            ..Frame::default()
        })
    }

    pub fn add(&mut self, frame: Frame) {
        self.frames.push(frame);
    }

    pub fn frames(&self) -> usize {
        self.frames.len()
    }

    pub fn parts(&self) -> Vec<Part> {
        self.terminals.iter().map(|terminal| terminal.started.part.clone()).collect()
    }

    pub fn recording(self) -> Recording {
        Recording { programs: self.parts(), frames: self.frames }
    }

    fn sockets(&mut self) -> io::Result<Vec<Socket>> {
        let mut held = BTreeMap::new();
        for (who, terminal) in self.terminals.iter().enumerate() {
            let sockets = terminal.sockets().into_iter();
            held.extend(sockets.map(|(inode, descriptor)| (inode, (who, descriptor))));
        }
        let mut found = Vec::new();
        for row in network::sockets()? {
            self.ports_of.insert(row.inode, (row.port, row.peer));
            found.push(self.socket(&row, held.remove(&row.inode)));
        }
        // Those that the table does not show: not bound, or only bound, or their connection is over.
        for (inode, (of, descriptor)) in held {
            let ports = self.ports_of.get(&inode);
            let (port, peer) = ports.copied().unzip();
            // In TIME_WAIT the table does not say whose it is.
            let kept =
                |socket: &&mut Socket| port.is_some() && (socket.port, socket.peer) == (port, peer);
            if let Some(kept) = found.iter_mut().find(kept) {
                kept.fd = Some(descriptor);
            } else {
                let state = "CLOSED".to_owned();
                let port = port.or_else(|| self.terminals[of].bound(descriptor));
                found.push(Socket {
                    of,
                    fd: Some(descriptor),
                    state,
                    port,
                    peer,
                    ..Socket::default()
                });
            }
        }
        let place = |socket: &Socket| {
            let has_none = socket.fd.is_none();
            (socket.of, socket.state != "LISTEN", has_none, socket.fd, socket.peer, socket.port)
        };
        found.sort_by_key(place);
        Ok(found)
    }

    /// Returns a socket of the table, which may be held by a program under a descriptor.
    fn socket(&self, row: &Row, holder: Option<(usize, u32)>) -> Socket {
        let of = holder.map_or_else(|| owner_of(row.port, self.terminals.len()), |(who, _)| who);
        let fd = holder.map(|(_, descriptor)| descriptor);
        let state = row.state.to_owned();
        let mut socket = Socket { of, fd, state, port: Some(row.port), ..Socket::default() };
        if row.state == "LISTEN" {
            socket.queue = Some(row.unread);
            return socket;
        }
        socket.peer = Some(row.peer);
        // In TIME_WAIT it is only the memory of a connection.
        if row.state != "TIME_WAIT" {
            let (bytes, fin) = self.wire.last_bytes(row);
            (socket.rx, socket.text, socket.fin) = (Some(bytes.len()), beginning(bytes), fin);
            socket.queued = fd.is_none() && ["ESTABLISHED", "CLOSE_WAIT"].contains(&row.state);
        }
        socket
    }
}
