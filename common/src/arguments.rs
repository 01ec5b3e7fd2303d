//! The command line: what is asked, and what is wrong with it.

use std::ffi::OsString;
use std::num::NonZeroU64;
use std::str::FromStr;

use crate::address::Address;
use crate::bytes::printable;

/// How many clients may wait in the listening socket's queue: the tutorial's backlog.
const DEFAULT_BACKLOG: i32 = 5;

/// Describes one argument: its name, and what is said of it in the help text.
pub(crate) type Description = (&'static str, String);

/// Is what a command line asks for.
pub(crate) enum Command {
    Help,
    Version,
    Run(Arguments),
}

/// Holds the arguments of a command line, in their order.
pub(crate) struct Arguments(Vec<String>);

impl Command {
    /// Reads a command line that can hold as many arguments as are described.
    ///
    /// # Errors
    ///
    /// An explanation of what is wrong with it.
    pub(crate) fn read(
        words: impl Iterator<Item = OsString>,
        described: &[Description],
    ) -> Result<Self, String> {
        let mut arguments = Vec::new();
        let mut options_ended = false;
        for word in words {
            let word = word.into_string().map_err(|word| {
                format!("argument {} is not UTF-8", quote(word.as_encoded_bytes()))
            })?;
            match word.as_str() {
                _ if options_ended => arguments.push(word),
                "-h" | "--help" => return Ok(Self::Help),
                "-V" | "--version" => return Ok(Self::Version),
                "--" => options_ended = true,
                option if option.len() > 1 && option.starts_with('-') => {
                    return Err(format!(
                        "unknown option {}; write -- before an argument that begins with '-'",
                        quote(option.as_bytes())
                    ));
                }
                _ => arguments.push(word),
            }
        }
        match arguments.get(described.len()) {
            Some(extra) => Err(format!("too many arguments: {}", quote(extra.as_bytes()))),
            None => Ok(Self::Run(Arguments(arguments))),
        }
    }
}

impl Arguments {
    pub(crate) fn address(&self) -> Result<Address, String> {
        self.0.first().map_or(Ok(Address::default()), |text| {
            let address = quote(text.as_bytes());
            text.parse().map_err(|problem| {
                let example = Address::default();
                format!("ADDRESS {address}: {problem}; write HOST:PORT, such as {example}")
            })
        })
    }

    pub(crate) fn backlog(&self) -> Result<i32, String> {
        self.0.get(1).map_or(Ok(DEFAULT_BACKLOG), |text| {
            let backlog = quote(text.as_bytes());
            let problem = format!(
                "BACKLOG {backlog} is not a whole number from 0 to {}",
                i32::MAX
            );
            whole_number(text).ok_or(problem)
        })
    }

    pub(crate) fn message<'a>(&'a self, default: &'a str) -> Result<&'a str, String> {
        let message = self.0.get(1).map_or(default, String::as_str);
        if message.is_empty() {
            // For an empty message TCP sends nothing, and both sides would wait for ever.
            return Err("MESSAGE '' is empty: write at least one character".to_owned());
        }
        Ok(message)
    }

    /// Gives the number of messages to send; without a COUNT so many that they never end.
    pub(crate) fn count(&self) -> Result<u64, String> {
        self.0.get(2).map_or(Ok(u64::MAX), |text| {
            let count = quote(text.as_bytes());
            let problem = format!("COUNT {count} is not a whole number from 1 to {}", u64::MAX);
            whole_number(text).map(NonZeroU64::get).ok_or(problem)
        })
    }
}

pub(crate) fn describe_bind_address() -> Description {
    (
        "ADDRESS",
        format!(
            "HOST:PORT to listen on, port 0 for any free one [default: {}]",
            Address::default()
        ),
    )
}

pub(crate) fn describe_backlog() -> Description {
    (
        "BACKLOG",
        format!("how many clients may wait to be accepted [default: {DEFAULT_BACKLOG}]"),
    )
}

pub(crate) fn describe_server_address() -> Description {
    (
        "ADDRESS",
        format!("HOST:PORT of the server [default: {}]", Address::default()),
    )
}

pub(crate) fn describe_message(default: &str) -> Description {
    ("MESSAGE", format!("what to send [default: {default}]"))
}

pub(crate) fn describe_count() -> Description {
    (
        "COUNT",
        "how many times to send it [default: for ever]".to_owned(),
    )
}

/// Reads a number that is written in digits alone, without a sign, and fits the type.
pub(crate) fn whole_number<T: FromStr>(text: &str) -> Option<T> {
    let only_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| only_digits)
}

fn quote(argument: &[u8]) -> String {
    format!("'{}'", printable(argument))
}
