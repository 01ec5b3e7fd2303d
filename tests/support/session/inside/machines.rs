//! Two machines: network namespaces with a TUN device in each. Between them is no more than whoever takes a
//! packet from one device, and gives it to the other.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tappers::{AddAddressV4, DeviceState, Interface, Tun};

/// The addresses of the server's machine and of the clients'.
pub const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)];

/// The smallest, the usual and the largest size of a small queue.
const SMALL: &str = "4096 4096 4096";

/// The largest packet where the queues are small: so that a few of them fill one.
const SMALL_PACKET: &str = "576";

/// The largest packet of all.
const MOST: usize = 65_535;

pub struct Machine {
    namespace: File,
    device: Tun,
}

/// Returns the machine of a program: the server's, or the one of all clients.
pub fn machine_of(who: usize) -> usize {
    usize::from(who > 0)
}

/// Sets up both; their sockets may have small queues.
pub fn set_up(small: bool) -> io::Result<[Machine; 2]> {
    // To look at few sockets takes no time where their table is small: Linux 6.1 and newer can.
    let _ = fs::write("/proc/sys/net/ipv4/tcp_child_ehash_entries", "256");
    let [server, clients] = ADDRESSES;
    Ok([Machine::set_up(server, small)?, Machine::set_up(clients, small)?])
}

fn set(name: &str, value: &str) -> io::Result<()> {
    fs::write(format!("/proc/sys/net/ipv4/{name}"), value)
}

/// Has what is lost in this network be sent again after the timeout of RFC 6298, and by no other timer.
pub fn set_timers() -> io::Result<()> {
    set("tcp_early_retrans", "0")?;
    set("tcp_recovery", "0")
}

/// Gives the queues of all sockets in this network little memory.
pub fn set_small_queues() -> io::Result<()> {
    set("tcp_rmem", SMALL)?;
    set("tcp_wmem", SMALL)
}

/// Returns a network namespace that ends with the descriptor.
fn new_namespace() -> io::Result<File> {
    let mut command = Command::new("unshare");
    command.args(["--net", "sh", "-c", "echo; read -r end"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let is_there = child.stdout.take().map_or(Ok(()), |mut pipe| pipe.read_exact(&mut [0]));
    let namespace = File::open(format!("/proc/{}/ns/net", child.id()));
    child.wait()?; // this ends its input first
    is_there.map_err(|_| io::Error::other("unshare --net is refused to a second machine"))?;
    namespace
}

fn enter(namespace: &File) -> io::Result<()> {
    Ok(move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?)
}

fn inside<T>(namespace: &File, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let here = File::open("/proc/thread-self/ns/net")?;
    enter(namespace)?;
    let result = act();
    enter(&here)?;
    result
}

impl Machine {
    fn set_up(address: Ipv4Addr, small: bool) -> io::Result<Self> {
        let namespace = new_namespace()?;
        let device = inside(&namespace, || {
            // Nothing looks for neighbours then; where there is no IPv6, nothing does anyway.
            let _ = fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
            set_timers()?;
            if small {
                set_small_queues()?;
            }
            device(address, small).map_err(|error| {
                let problem = format!("cannot use /dev/net/tun for a second machine: {error}");
                io::Error::new(error.kind(), problem)
            })
        })?;
        Ok(Self { namespace, device })
    }

    /// Does something on this machine, such as to start a program.
    pub fn inside<T>(&self, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        inside(&self.namespace, act)
    }

    /// Takes the next packet that its kernel sends.
    pub fn take(&self) -> io::Result<Option<Vec<u8>>> {
        let mut packet = vec![0; MOST];
        match self.device.recv(&mut packet) {
            Ok(count) => {
                packet.truncate(count);
                Ok(Some(packet))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives its kernel a packet.
    pub fn give(&self, packet: &[u8]) -> io::Result<()> {
        self.device.send(packet).map(drop)
    }
}

/// Returns a device of this network namespace.
fn device(address: Ipv4Addr, small: bool) -> io::Result<Tun> {
    let mut device = Tun::new_named(Interface::new("wire")?)?;
    if small {
        let mut command = Command::new("ip");
        command.args(["link", "set", "wire", "mtu", SMALL_PACKET]).status()?;
    }
    device.set_nonblocking(true)?;
    let mut request = AddAddressV4::new(address);
    request.set_netmask(24);
    device.add_addr(request)?;
    device.set_state(DeviceState::Up)?;
    Ok(device)
}
