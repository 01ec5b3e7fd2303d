//! Carries packets between two machines: what arrives, what is lost or held, and what is sent again.

use std::collections::{BTreeMap, VecDeque};
use std::io;

use super::machines::{self, Machine, machine_of};
use super::wire::{Direction, Packet, Wire};
use crate::session::act::Act;

/// Between the two machines.
pub struct Cable {
    pub machines: [Machine; 2],
    ways: [Way; 2],
    /// Whether whatever is sent again is let through.
    pub follows_the_clock: bool,
}

/// What becomes of that which a machine sends.
#[derive(Default)]
struct Way {
    /// How many of the next segments are lost or held, and how many are let through that its clock has had
    /// it send again.
    lose: usize,
    hold: usize,
    repeat: usize,
    held: VecDeque<Vec<u8>>,
    /// When something is sent again is left to the clock, so it waits here until it is asked for: of each
    /// connection the last one.
    repeated: BTreeMap<Direction, Vec<u8>>,
}

impl Cable {
    /// Sets up both machines; their sockets may have small queues.
    pub fn new(small_queues: bool) -> io::Result<Self> {
        Ok(Self {
            machines: machines::set_up(small_queues)?,
            ways: Default::default(),
            follows_the_clock: false,
        })
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
            Act::Cut => self.ways.iter_mut().for_each(|way| way.lose = usize::MAX),
            Act::LetGo => {
                if let Some(packet) = self.ways[from].held.pop_front() {
                    if let Some(mut segment) = Packet::in_packet(&packet) {
                        segment.extra.late = true;
                        wire.show(segment);
                    }
                    self.deliver(from, &packet, wire)?;
                }
            }
            _ => {}
        }
        Ok(())
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
        let Some(mut segment) = Packet::in_packet(&packet) else {
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
        if way.lose > 0 {
            way.lose -= usize::from(way.lose < usize::MAX);
            segment.extra.lost = true;
        } else if way.hold > 0 {
            way.hold -= 1;
            segment.extra.held = true;
        }
        let (is_lost, is_held) = (segment.extra.lost, segment.extra.held);
        wire.add(segment);
        if is_held {
            way.held.push_back(packet);
        } else if !is_lost {
            self.deliver(from, &packet, wire)?;
        }
        Ok(())
    }

    fn deliver(&mut self, from: usize, packet: &[u8], wire: &mut Wire) -> io::Result<()> {
        let Some(segment) = Packet::in_packet(packet) else {
            return Ok(());
        };
        let to = 1 - from;
        self.carry_from(to, wire)?; // what is no reaction
        wire.arrive(&segment);
        // What is confirmed need not be sent again.
        let back = segment.back();
        self.ways[to].repeated.retain(|direction, packet| {
            let waits = || Packet::in_packet(packet).is_some_and(|it| wire.is_unknown(&it));
            *direction != back || waits()
        });
        self.machines[to].give(packet)?;
        while let Some(reaction) = self.machines[to].take()? {
            self.send(to, reaction, true, wire)?;
        }
        Ok(())
    }
}
