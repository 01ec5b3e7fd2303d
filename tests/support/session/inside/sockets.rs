//! The sockets of the programs: whose they are, and what is in their queues.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::fs::getxattr;
use rustix::io::ioctl_fionread;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use socket2::SockRef;

use super::table::{timer_of, unconfirmed};
use super::terminal::Terminal;
use super::wire::{Direction, Wire};
use crate::run::sockets::{Entry, udp_sockets};
use crate::session::recording::Socket;

/// The ports of the clients: the first of the first one's, and how many each has.
const FIRST_PORT: u16 = 40_000;
pub const PORTS_EACH: u16 = 100;

/// Has the kernel choose ports for this program, of those that it has.
pub fn choose_ports_for(program: usize, ports: &Range<u16>) -> std::io::Result<()> {
    let first = FIRST_PORT + PORTS_EACH * u16::try_from(program).unwrap_or(0);
    let range = format!("{} {}", first + ports.start, first + ports.end - 1);
    fs::write("/proc/sys/net/ipv4/ip_local_port_range", range)
}

/// What is known of the sockets from earlier looks.
#[derive(Default)]
pub struct Sockets {
    /// The program that has, or had, the socket with this port and this peer's port.
    owners: BTreeMap<Direction, usize>,
    /// The program that has bound this port.
    bound: BTreeMap<u16, usize>,
    /// The addresses of a socket, by its inode.
    addresses: BTreeMap<u64, (SocketAddr, SocketAddr)>,
    /// The inodes of those that have been connected.
    connected: BTreeSet<u64>,
    /// Those that wait to be accepted, in the order in which they came.
    queued: Vec<Queued>,
    /// How many waited in the queue of this listening socket.
    waiting: BTreeMap<u64, usize>,
}

/// A connection that waits to be accepted.
struct Queued {
    addresses: (SocketAddr, SocketAddr),
    /// The listening socket in whose queue it is, where several listen on one port.
    listener: Option<u64>,
    /// Whether its client has reset it: `accept` returns it all the same.
    is_over: bool,
}

impl Queued {
    fn ports(&self) -> Direction {
        (self.addresses.0.port(), self.addresses.1.port())
    }
}

/// A socket that a program holds.
#[derive(Clone, Copy)]
struct Holder {
    who: usize,
    process: u32,
    descriptor: u32,
}

impl Sockets {
    /// Returns whose socket has this port and this peer's port; and whether it has begun the connection.
    pub fn owner_of(&self, (port, peer): Direction, is_first: bool, programs: usize) -> usize {
        let known = self.owners.get(&(port, peer)).or_else(|| self.bound.get(&port));
        let range = usize::from(port.saturating_sub(FIRST_PORT) / PORTS_EACH);
        // The server's port is any that the kernel did not choose.
        let is_chosen = is_first && range < programs;
        known.copied().unwrap_or(if is_chosen { range } else { 0 })
    }

    /// Looks at the sockets of these programs, and at their timers where these are to be shown.
    pub fn look(&mut self, terminals: &[Terminal], wire: &Wire, has_timers: bool) -> Vec<Socket> {
        let mut held: BTreeMap<u64, Holder> = BTreeMap::new();
        self.bound.clear();
        for (who, terminal) in terminals.iter().enumerate() {
            for (process, descriptor, inode) in terminal.sockets() {
                held.entry(inode).or_insert(Holder { who, process, descriptor });
            }
            let ports = terminal.calls.bound.iter().filter_map(|(_, address)| port_of(address));
            self.bound.extend(ports.map(|port| (port, who)));
        }
        let rows = wire.sockets().unwrap_or_default();
        for row in &rows {
            let Some(Holder { who, .. }) = held.get(&row.inode).copied() else {
                continue;
            };
            self.addresses.insert(row.inode, (row.address, row.peer));
            if row.state == "LISTEN" {
                self.bound.insert(row.address.port(), who);
            } else {
                self.owners.insert(ports_of(row), who);
            }
            if !["LISTEN", "SYN_SENT"].contains(&row.state) {
                self.connected.insert(row.inode);
            }
        }
        self.note_accepted(terminals, &held);
        self.queue(&rows, &held);
        let listeners: BTreeMap<u64, u32> =
            held.iter().map(|(inode, holder)| (*inode, holder.descriptor)).collect();
        let mut found: Vec<Socket> = rows
            .iter()
            .map(|row| {
                let holder = held.remove(&row.inode);
                let mut socket = self.socket(row, holder, terminals, wire);
                socket.timer = timer_of(row).filter(|_| has_timers);
                if let Some((_, left)) = socket.timer.as_mut().filter(|it| it.0 == "keepalive") {
                    let keepalive = holder.and_then(keepalive_of);
                    socket.probes = keepalive.map(|(_, probes)| probes);
                    // Only when its timer has run out, the kernel looks how long nothing has come.
                    let heard = wire.heard(ports_of(row)).map(|heard| heard.elapsed());
                    let silent = keepalive.zip(heard);
                    let first = silent.map(|((time, _), silence)| time.saturating_sub(silence));
                    *left = left.max(first.unwrap_or_default().as_secs_f64());
                }
                socket
            })
            .collect();
        let over = self.queued.iter().filter(|queued| queued.is_over);
        found.extend(over.map(|queued| self.reset(queued, wire)));
        for socket in found.iter_mut().filter(|socket| socket.queued) {
            let ports = socket.port.zip(socket.peer);
            let queued = self.queued.iter().find(|it| Some(it.ports()) == ports);
            socket.listener = queued.and_then(|it| listeners.get(&it.listener?).copied());
        }
        // Those that the table does not show: not bound, or only bound, or their connection is over.
        let udp = udp_sockets();
        for (inode, holder) in held {
            self.add_held(inode, holder, &udp, terminals, wire, &mut found);
        }
        let arrived = |socket: &Socket| {
            let ports = socket.port.zip(socket.peer);
            self.queued.iter().position(|it| socket.queued && Some(it.ports()) == ports)
        };
        let mut placed: Vec<_> = found.into_iter().map(|it| (arrived(&it), it)).collect();
        placed.sort_by_key(|(arrived, it)| {
            (it.of, it.state != "LISTEN", it.fd.is_none(), it.fd, *arrived, it.peer, it.port)
        });
        placed.into_iter().map(|(_, socket)| socket).collect()
    }

    /// Notes the addresses of connections that `accept` has returned: those that their clients have reset are
    /// in no table.
    fn note_accepted(&mut self, terminals: &[Terminal], held: &BTreeMap<u64, Holder>) {
        for (inode, Holder { who, descriptor, .. }) in held {
            let returned = &terminals[*who].calls.returned;
            let is_it = |queued: &&Queued| {
                let result = format!("{descriptor} from {}", queued.addresses.1);
                returned.iter().any(|(call, its)| call.name() == "accept" && *its == result)
            };
            if let Some(queued) = self.queued.iter().find(is_it) {
                self.addresses.insert(*inode, queued.addresses);
                self.connected.insert(*inode);
            }
        }
    }

    /// Notes which connections wait to be accepted, and in which queue.
    fn queue(&mut self, rows: &[Entry], held: &BTreeMap<u64, Holder>) {
        let listening: Vec<&Entry> = rows.iter().filter(|row| row.state == "LISTEN").collect();
        let waits = |row: &&Entry| {
            let is_open = ["ESTABLISHED", "CLOSE_WAIT"].contains(&row.state);
            let is_its = |other: &&Entry| other.address.port() == row.address.port();
            is_open && !held.contains_key(&row.inode) && listening.iter().any(is_its)
        };
        let waiting: Vec<&Entry> = rows.iter().filter(waits).collect();
        self.forget_accepted(&waiting, &listening, held);
        for row in waiting {
            if self.queued.iter().any(|it| it.ports() == ports_of(row)) {
                continue;
            }
            let of_port = listening.iter().filter(|it| it.address.port() == row.address.port());
            let is_shared = of_port.clone().count() > 1;
            let mut longer =
                of_port.filter(|it| it.unread > self.waiting.get(&it.inode).copied().unwrap_or(0));
            let queue = longer.next().filter(|_| is_shared && longer.next().is_none());
            let listener = queue.map(|it| it.inode);
            let addresses = (row.address, row.peer);
            self.queued.push(Queued { addresses, listener, is_over: false });
        }
        self.waiting = listening.iter().map(|row| (row.inode, row.unread)).collect();
    }

    /// Forgets the connections that do not wait any more. One that its client has reset is not in the table,
    /// but the queue's length counts it until `accept` returns it.
    fn forget_accepted(
        &mut self,
        waiting: &[&Entry],
        listening: &[&Entry],
        held: &BTreeMap<u64, Holder>,
    ) {
        for queued in &mut self.queued {
            queued.is_over = !waiting.iter().any(|row| ports_of(row) == queued.ports());
        }
        let held: Vec<_> = held.keys().filter_map(|inode| self.addresses.get(inode)).collect();
        self.queued.retain(|it| !it.is_over || !held.contains(&&it.addresses));
        let mut left: BTreeMap<u16, usize> = BTreeMap::new();
        for row in listening {
            *left.entry(row.address.port()).or_default() += row.unread;
        }
        for row in waiting {
            let left = left.entry(row.address.port()).or_default();
            *left = left.saturating_sub(1);
        }
        // The first one is the first to be accepted.
        for at in (0..self.queued.len()).rev() {
            let left = left.entry(self.queued[at].ports().0).or_default();
            if self.queued[at].is_over && *left == 0 {
                self.queued.remove(at);
            } else if self.queued[at].is_over {
                *left -= 1;
            }
        }
    }

    /// Returns a connection that its client has reset, and that waits to be accepted.
    fn reset(&self, queued: &Queued, wire: &Wire) -> Socket {
        let ports = queued.ports();
        let (count, text) = wire.arrived(ports);
        Socket {
            of: self.owner_of(ports, false, 0),
            state: "CLOSED".to_owned(),
            port: Some(ports.0),
            peer: Some(ports.1),
            address: shown(queued.addresses.0.ip()),
            rx: Some(count),
            text,
            queued: true,
            ..Socket::default()
        }
    }

    /// Returns a socket of the table, which may be held by a program under a descriptor.
    fn socket(
        &self,
        row: &Entry,
        holder: Option<Holder>,
        terminals: &[Terminal],
        wire: &Wire,
    ) -> Socket {
        let ports = ports_of(row);
        let owner = || {
            if wire.is_of_server(row.address.ip()) {
                return 0;
            }
            self.owner_of(ports, wire.is_first(ports), terminals.len())
        };
        let mut socket = Socket {
            of: holder.map_or_else(owner, |holder| holder.who),
            fd: holder.map(|holder| holder.descriptor),
            state: row.state.to_owned(),
            port: Some(ports.0),
            address: shown(row.address.ip()),
            ..Socket::default()
        };
        if row.state == "LISTEN" {
            socket.queue = Some(row.unread);
            let backlogs = &terminals[socket.of].calls.backlogs;
            let backlog = backlogs.iter().rfind(|(its, _)| Some(*its) == socket.fd);
            socket.room = backlog.map(|(_, backlog)| room_of(*backlog));
            return socket;
        }
        socket.peer = Some(ports.1);
        let closes = ["FIN_WAIT_1", "CLOSING", "LAST_ACK"].contains(&row.state);
        socket.unsent_fin = closes && !wire.has_sent_its_end(ports);
        socket.queued = self.queued.iter().any(|it| it.ports() == ports);
        // An orphan has no receive queue, and in TIME_WAIT it is only the memory of a connection.
        if socket.fd.is_some() || socket.queued {
            // An end of the stream that is not read counts as one byte.
            socket.fin = row.unread > 0 && wire.has_ended(ports);
            let count = row.unread - usize::from(socket.fin);
            (socket.rx, socket.text) = (Some(count), wire.unread(ports, count));
            socket.full = count > 0 && wire.is_full(ports);
        }
        if unconfirmed(row) > 0 {
            socket.tx = Some(unconfirmed(row));
            socket.tx_text = wire.unconfirmed(ports);
        }
        socket
    }

    /// Adds a socket that a program holds, and that the table of TCP does not show.
    fn add_held(
        &self,
        inode: u64,
        Holder { who, process, descriptor }: Holder,
        udp: &[Entry],
        terminals: &[Terminal],
        wire: &Wire,
        found: &mut Vec<Socket>,
    ) {
        let fd = Some(descriptor);
        let kind = kind_of(process, descriptor);
        if !kind.is_empty() {
            let row = udp.iter().find(|row| row.inode == inode);
            let port = row.map(|row| row.address.port());
            let address = row.and_then(|row| shown(row.address.ip()));
            found.push(Socket { of: who, fd, kind, port, address, ..Socket::default() });
            return;
        }
        let addresses = self.addresses.get(&inode);
        let ports = addresses.map(|(local, peer)| (local.port(), peer.port()));
        let unread = unread_in(process, descriptor);
        let holds = ports.filter(|_| unread > 0);
        let text = holds.map(|ports| wire.unread(ports, unread)).unwrap_or_default();
        let fin = holds.is_some_and(|ports| wire.has_ended(ports));
        let rx = holds.map(|_| unread);
        // In TIME_WAIT the table does not say whose it is.
        let is_kept = |socket: &&mut Socket| socket.port.zip(socket.peer) == ports;
        if let Some(kept) = found.iter_mut().find(is_kept).filter(|_| ports.is_some()) {
            (kept.fd, kept.rx, kept.text, kept.fin) = (fd, rx, text, fin);
            return;
        }
        let bound = terminals[who].calls.bound.iter().rfind(|(its, _)| *its == descriptor);
        let bound = bound.and_then(|(_, address)| address.parse::<SocketAddr>().ok());
        let local = addresses.map(|(local, _)| *local).or(bound).filter(|it| it.port() != 0);
        found.push(Socket {
            of: who,
            fd,
            state: "CLOSED".to_owned(),
            port: local.map(|local| local.port()),
            peer: ports.map(|(_, peer)| peer).filter(|_| self.connected.contains(&inode)),
            address: local.and_then(|local| shown(local.ip())),
            rx,
            text,
            fin,
            ..Socket::default()
        });
    }
}

fn ports_of(entry: &Entry) -> Direction {
    (entry.address.port(), entry.peer.port())
}

fn port_of(address: &str) -> Option<u16> {
    let port = address.parse::<SocketAddr>().ok()?.port();
    Some(port).filter(|port| *port != 0)
}

/// Returns an address where it is not the usual one.
fn shown(address: IpAddr) -> Option<String> {
    (address != Ipv4Addr::LOCALHOST).then(|| address.to_string())
}

/// Returns for how many clients there is room in a queue.
fn room_of(backlog: i64) -> usize {
    let most = fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap_or_default();
    let most = most.trim().parse().unwrap_or(4096);
    usize::try_from(backlog).map_or(most, |backlog| backlog.min(most)) + 1
}

/// Returns what a socket is where it is not TCP.
fn kind_of(process: u32, descriptor: u32) -> String {
    let mut name = [0; 32];
    let path = format!("/proc/{process}/fd/{descriptor}");
    let count = getxattr(path, "system.sockprotoname", &mut name[..]).unwrap_or(0);
    let name = String::from_utf8_lossy(&name[..count]).to_lowercase();
    match name.trim_end_matches('\0') {
        "" | "tcp" | "tcpv6" => String::new(),
        "udp" | "udpv6" => "udp".to_owned(),
        name if name.starts_with("unix") => "pair".to_owned(),
        name => name.to_owned(),
    }
}

/// Returns how long nothing has to come before a socket's kernel asks whether the other side is there, and how
/// often it asks.
fn keepalive_of(Holder { process, descriptor, .. }: Holder) -> Option<(Duration, u32)> {
    let socket = duplicate(process, descriptor)?;
    let socket = SockRef::from(&socket);
    socket.tcp_keepalive_time().ok().zip(socket.tcp_keepalive_retries().ok())
}

/// Returns how many bytes a socket holds that nobody has read. The kernel keeps them even where the
/// connection is over.
fn unread_in(process: u32, descriptor: u32) -> usize {
    let unread = duplicate(process, descriptor).and_then(|socket| ioctl_fionread(&socket).ok());
    unread.and_then(|count| count.try_into().ok()).unwrap_or(0)
}

/// Returns a program's socket, for a moment: as long as it is held, the program cannot close it.
pub fn duplicate(process: u32, descriptor: u32) -> Option<OwnedFd> {
    let process = Pid::from_raw(process.try_into().ok()?)?;
    let process = pidfd_open(process, PidfdFlags::empty()).ok()?;
    pidfd_getfd(process, descriptor.try_into().ok()?, PidfdGetfdFlags::empty()).ok()
}
