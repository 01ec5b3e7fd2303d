//! Carries packets between two machines: what arrives, what is lost or held, and what is sent again.

use std::collections::{BTreeMap, VecDeque};
use std::io;

use super::machines::{self, Machine, machine_of};
use super::wire::{Direction, Packet, Wire};
use crate::session::act::Act;
use crate::session::recording::Fate;

/// Between the two machines.
pub struct Cable {
    pub machines: [Machine; 2],
    ways: [CableWay; 2],
    /// Whether whatever is sent again is let through.
    pub follows_the_clock: bool,
    /// How many segments have been held.
    held: usize,
}

/// What becomes of that which a machine sends.
#[derive(Default)]
struct CableWay {
    /// How many of the next segments are lost or held, and how many are let through that its clock has had
    /// it send again.
    lose: usize,
    hold: usize,
    repeat: usize,
    /// What becomes of all others.
    fate: Fate,
    held: VecDeque<HeldPacket>,
    /// When something is sent again is left to the clock, so it waits here until it is asked for: of each
    /// connection the last one.
    repeated: BTreeMap<Direction, Vec<u8>>,
}

struct HeldPacket {
    number: usize,
    copies: usize,
    packet: Vec<u8>,
}

impl Cable {
    /// Sets up both machines; their sockets may have small queues.
    pub fn new(small_queues: bool) -> io::Result<Self> {
        Ok(Self {
            machines: machines::set_up(small_queues)?,
            ways: Default::default(),
            follows_the_clock: false,
            held: 0,
        })
    }

    /// Returns what becomes of what a machine sends next.
    pub fn fate(&self, from: usize) -> Fate {
        match &self.ways[from] {
            way if way.lose > 0 => Fate::LoseOne,
            way if way.hold > 0 => Fate::Hold,
            way => way.fate,
        }
    }

    /// Returns what is held of that which a machine has sent: each one's number, how often it has been sent,
    /// and its packet.
    pub fn held(&self, from: usize) -> impl Iterator<Item = (usize, usize, &[u8])> {
        self.ways[from].held.iter().map(|held| (held.number, held.copies, &held.packet[..]))
    }

    /// Returns whether a program's machine is still to send something again.
    pub fn is_to_repeat(&self, who: usize) -> bool {
        self.ways[machine_of(who)].repeat > 0
    }

    /// Does to a program's machine what belongs to the wire.
    pub fn obey(&mut self, act: &Act, who: usize, wire: &mut Wire) -> io::Result<()> {
        let from = machine_of(who);
        match act {
            Act::Lose => self.ways[from].lose += 1,
            Act::Hold => self.ways[from].hold += 1,
            Act::Repeat => self.ways[from].repeat += 1,
            Act::Cut => self.ways.iter_mut().for_each(|way| way.fate = Fate::Lose),
            Act::Decide(fate) => {
                let way = &mut self.ways[from];
                (way.fate, way.lose, way.hold) = (*fate, 0, 0);
            }
            Act::LetGo => self.let_go(self.ways[from].held.front().map(|it| it.number), wire)?,
            Act::LetGoHeld(number) => self.let_go(Some(*number), wire)?,
            Act::LetGoAll => {
                let held = self.ways.iter().flat_map(|way| &way.held);
                let mut numbers: Vec<usize> = held.map(|it| it.number).collect();
                numbers.sort_unstable();
                for number in numbers {
                    self.let_go(Some(number), wire)?;
                }
            }
            Act::LoseHeld(number) => {
                if let Some((_, mut segment, _)) = self.take_held(*number) {
                    segment.extra.lost = true;
                    wire.show(segment);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes what is held under a number, and returns whose machine has sent it.
    fn take_held(&mut self, number: usize) -> Option<(usize, Packet, Vec<u8>)> {
        self.ways.iter_mut().enumerate().find_map(|(from, way)| {
            let place = way.held.iter().position(|it| it.number == number)?;
            let packet = way.held.remove(place)?.packet;
            Some((from, Packet::in_packet(&packet, from)?, packet))
        })
    }

    /// Delivers what is held under a number.
    fn let_go(&mut self, number: Option<usize>, wire: &mut Wire) -> io::Result<()> {
        let held = number.and_then(|number| self.take_held(number));
        let Some((from, mut segment, packet)) = held else {
            return Ok(());
        };
        segment.extra.late = true;
        segment.extra.probe = wire.is_probe(&segment);
        wire.show(segment);
        self.deliver(from, &packet, wire)
    }

    /// Carries all that the machines send.
    pub fn carry(&mut self, wire: &mut Wire) -> io::Result<()> {
        while self.carry_from(0, wire)? | self.carry_from(1, wire)? {}
        Ok(())
    }

    /// Carries all that a machine sends, and returns whether that was something.
    fn carry_from(&mut self, from: usize, wire: &mut Wire) -> io::Result<bool> {
        let mut is_any = false;
        loop {
            let way = &mut self.ways[from];
            let is_let_through = self.follows_the_clock || way.repeat > 0;
            let waits = if is_let_through { way.repeated.pop_first() } else { None };
            let packet = match waits {
                Some((_, packet)) => Some(packet),
                None => self.machines[from].take()?,
            };
            let Some(packet) = packet else {
                return Ok(is_any);
            };
            is_any = true;
            self.send(from, packet, false, wire)?;
        }
    }

    /// Carries a packet, which may be a reaction to the last one that the machine was given.
    fn send(
        &mut self,
        from: usize,
        packet: Vec<u8>,
        is_reaction: bool,
        wire: &mut Wire,
    ) -> io::Result<()> {
        let Some(mut segment) = Packet::in_packet(&packet, from) else {
            return Ok(()); // not TCP over IPv4
        };
        let way = &mut self.ways[from];
        if wire.is_again(&segment) && !is_reaction && !self.follows_the_clock {
            if way.repeat == 0 {
                way.repeated.insert(segment.direction(), packet);
                return Ok(());
            }
            way.repeat -= 1;
        }
        match way.fate {
            _ if way.lose > 0 => {
                way.lose -= 1;
                segment.extra.lost = true;
            }
            _ if way.hold > 0 => {
                way.hold -= 1;
                segment.extra.held = true;
            }
            Fate::LoseOne if segment.counts() => {
                way.fate = Fate::Deliver;
                segment.extra.lost = true;
            }
            Fate::Lose => segment.extra.lost = true,
            Fate::Hold => segment.extra.held = true,
            Fate::Deliver | Fate::LoseOne => {}
        }
        let (is_lost, is_held) = (segment.extra.lost, segment.extra.held);
        wire.add(segment);
        if is_held {
            self.hold(from, packet);
        } else if !is_lost {
            self.deliver(from, &packet, wire)?;
        }
        Ok(())
    }

    /// Holds a packet. A copy of one that is held takes its place: it is the newer one.
    fn hold(&mut self, from: usize, packet: Vec<u8>) {
        let is_copy = |held: &&mut HeldPacket| {
            let read = |packet: &[u8]| Packet::in_packet(packet, from);
            let both = read(&held.packet).zip(read(&packet));
            both.is_some_and(|(held, new)| held.is_copy(&new))
        };
        let held = &mut self.ways[from].held;
        if let Some(held) = held.iter_mut().find(is_copy) {
            (held.copies, held.packet) = (held.copies + 1, packet);
        } else {
            self.held += 1;
            held.push_back(HeldPacket { number: self.held, copies: 1, packet });
        }
    }

    fn deliver(&mut self, from: usize, packet: &[u8], wire: &mut Wire) -> io::Result<()> {
        let Some(segment) = Packet::in_packet(packet, from) else {
            return Ok(());
        };
        let to = 1 - from;
        self.carry_from(to, wire)?; // what is no reaction
        wire.arrive(&segment);
        // What is confirmed need not be sent again.
        let back = segment.back();
        self.ways[to].repeated.retain(|direction, packet| {
            let waits = || Packet::in_packet(packet, to).is_some_and(|it| wire.is_unknown(&it));
            *direction != back || waits()
        });
        self.machines[to].give(packet)?;
        while let Some(reaction) = self.machines[to].take()? {
            self.send(to, reaction, true, wire)?;
        }
        Ok(())
    }
}
