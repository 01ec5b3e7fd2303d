//! What a learner is asked before a step, and what each answer claims of it: the recording decides which
//! answer is right.

use super::recording::{Ask, Frame, Side, When, Words, name_of};

/// A question, its three answers with what each claims of the next frame, and why it is so.
pub struct Question {
    /// What it is about: a later question about the same asks again, in other words.
    about: String,
    text: Words,
    answers: Vec<(String, Words)>,
    why: Words,
}

impl Question {
    /// Reads what stands below `ask:`, or returns `None` where that is no question.
    pub fn read(about: &str, lines: &[&str]) -> Option<Self> {
        let pairs: Vec<_> = lines.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
        let [text, one, two, three, why] = pairs[..] else {
            return None;
        };
        let words = |(en, zh): (&str, &str)| Words { en: en.to_owned(), zh: zh.to_owned() };
        let answers = [one, two, three].into_iter().map(|(en, zh)| {
            let (claims, en) = en.split_once(": ")?;
            Some((claims.to_owned(), words((en, zh))))
        });
        let (answers, about) = (answers.collect::<Option<_>>()?, about.to_owned());
        (lines.len() == 10).then(|| Self { about, text: words(text), answers, why: words(why) })
    }

    /// Returns what is asked before a frame.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the question: an answer that claims nothing, more or fewer than one that is
    /// true, or a true one that was true a step earlier, so that one can see it.
    pub fn between(&self, before: &Frame, frame: &Frame) -> Result<Ask, String> {
        let is_true = |claims: &str, frame: &Frame| {
            holds(claims, frame).ok_or_else(|| format!("\"{claims}\" is no claim"))
        };
        let mut right = Vec::new();
        for (number, (claims, _)) in self.answers.iter().enumerate() {
            if is_true(claims, frame)? {
                right.push(number);
            }
        }
        let [right] = right[..] else {
            return Err(format!("{} answers are true: {}", right.len(), self.text.en));
        };
        if is_true(&self.answers[right].0, before)? {
            return Err(format!("the answer is true a step earlier: {}", self.text.en));
        }
        let (about, question, why) = (self.about.clone(), self.text.clone(), self.why.clone());
        let answers = self.answers.iter().map(|(_, answer)| answer.clone()).collect();
        Ok(Ask { about, question, answers, right, why })
    }
}

/// Returns whether all of these claims are true of a frame; `None` where one is no claim.
fn holds(claims: &str, frame: &Frame) -> Option<bool> {
    claims.split(" and ").try_fold(true, |all, claim| Some(all & holds_one(claim, frame)?))
}

/// A claim says who, and what it has done, waits in, sends, or has.
fn holds_one(claim: &str, frame: &Frame) -> Option<bool> {
    let (who, what) = program(claim)?;
    match what.strip_prefix("not ") {
        Some(what) => does(who, what, frame).map(|does| !does),
        None => does(who, what, frame),
    }
}

/// Returns the number of the program that a text begins with, and the rest.
fn program(text: &str) -> Option<(usize, &str)> {
    let (who, rest) = text.split_once(' ').unwrap_or((text, ""));
    match who {
        "server" => Some((0, rest)),
        "client" => {
            let (number, behind) = rest.split_once(' ').unwrap_or((rest, ""));
            Some(number.parse().map_or((1, rest), |number| (number, behind)))
        }
        _ => None,
    }
}

fn does(who: usize, what: &str, frame: &Frame) -> Option<bool> {
    let side = frame.sides.get(who)?;
    let mut sockets = frame.sockets.iter().filter(|socket| socket.of == who);
    if let Some((call, result)) = what.split_once(" = ") {
        let is_it = |other: &str| {
            other.strip_prefix(result).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        return Some(results(side, call).any(is_it));
    }
    // When the kernel sends a bare ACK is its own affair.
    let mut sent = frame.segments.iter().filter(|it| it.0 == who && (it.2 != "ACK" || it.4 > 0));
    let is_in = |call: &str, when| side.at.iter().any(|at| at.1 == when && is_call(&at.2, call));
    let words: Vec<&str> = what.splitn(3, ' ').collect();
    Some(match words[..] {
        [call, "succeeds"] => results(side, call).any(|result| !result.starts_with("-1")),
        ["fails"] => side.did.iter().any(|did| did.2.starts_with("-1")),
        ["ends"] => !side.state.is_running(),
        ["waits", "in", call] => is_in(call, When::Blocked),
        ["next", call] => is_in(call, When::Next),
        ["sends", "nothing"] => sent.next().is_none(),
        ["sends", flag] => sent.any(|segment| segment.2.split(' ').any(|it| it == flag)),
        ["is", state] => sockets.any(|socket| socket.state == state),
        ["has", descriptor] => {
            let descriptor = descriptor.parse().ok()?;
            sockets.any(|socket| socket.fd == Some(descriptor))
        }
        ["at", port] => {
            let port = port.parse().ok()?;
            sockets.filter(|socket| socket.peer.is_some()).any(|socket| socket.port == Some(port))
        }
        ["all", "at", port] => {
            let port = port.parse().ok()?;
            sockets.filter(|socket| socket.peer.is_some()).all(|socket| socket.port == Some(port))
        }
        ["unread", count] => {
            sockets.filter_map(|socket| socket.rx).sum::<usize>() == count.parse::<usize>().ok()?
        }
        ["unconfirmed", count] => {
            sockets.filter_map(|socket| socket.tx).sum::<usize>() == count.parse::<usize>().ok()?
        }
        ["unread", count, from] => {
            let (client, "") = program(from.strip_prefix("from ")?)? else {
                return None;
            };
            let ends = frame.sockets.iter().filter(|socket| socket.of == client);
            let ports: Vec<_> = ends.filter_map(|socket| socket.port).collect();
            let is_its = |peer: Option<u16>| peer.is_some_and(|peer| ports.contains(&peer));
            let its = sockets.filter(|socket| is_its(socket.peer));
            its.filter_map(|socket| socket.rx).sum::<usize>() == count.parse::<usize>().ok()?
        }
        _ => return None,
    })
}

/// Returns what this call, or the calls of this name, have returned in this step.
fn results<'a>(side: &'a Side, call: &'a str) -> impl Iterator<Item = &'a str> {
    side.did.iter().filter(move |did| is_call(&did.1, call)).map(|did| did.2.as_str())
}

/// Returns whether a call is the one that is meant, by its name or with its arguments.
fn is_call(call: &str, meant: &str) -> bool {
    call == meant || name_of(call) == meant
}
