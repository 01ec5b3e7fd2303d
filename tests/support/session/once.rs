//! Writes once what stands more than once.
//!
//! Most of what a recording holds is as it was a step before, and as it is in the other edition. What stands
//! more than once is therefore written once, in a list in front. Where it stands, there is only its
//! number in that list, alone in brackets: `[7]`. No other list in a recording holds one number alone.

use std::collections::HashMap;

use serde::de::{DeserializeOwned, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

/// What is shorter than this, in bytes of JSON, is written wherever it stands.
const SHORTEST: usize = 12;

/// Writes a value: what it holds more than once, and the rest.
pub fn serialize<S: Serializer>(value: &impl Serialize, serializer: S) -> Result<S::Ok, S::Error> {
    let mut rest = serde_json::to_value(value).map_err(S::Error::custom)?;
    let mut writing = Writing::default();
    writing.count(&mut rest);
    writing.take_out(&mut rest);
    (writing.once, rest).serialize(serializer)
}

/// Reads a value that was written so.
pub fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    let (mut once, mut rest): (Vec<Value>, Value) = Deserialize::deserialize(deserializer)?;
    for number in 0..once.len() {
        let (before, from) = once.split_at_mut(number);
        put_back(&mut from[0], before);
    }
    put_back(&mut rest, &once);
    T::deserialize(rest).map_err(D::Error::custom)
}

#[derive(Default)]
struct Writing {
    /// How often a value stands somewhere, by its JSON.
    times: HashMap<String, usize>,
    /// Those that are written once, each behind all that it holds, and where each one is.
    once: Vec<Value>,
    numbers: HashMap<String, usize>,
}

impl Writing {
    fn count(&mut self, value: &mut Value) {
        let times = self.times.entry(value.to_string()).or_default();
        *times += 1;
        if *times == 1 {
            parts(value).for_each(|part| self.count(part));
        }
    }

    fn take_out(&mut self, value: &mut Value) {
        let json = value.to_string();
        parts(value).for_each(|part| self.take_out(part));
        if json.len() >= SHORTEST && self.times[&json] > 1 {
            let number = *self.numbers.entry(json).or_insert(self.once.len());
            let value = std::mem::replace(value, json!([number]));
            if number == self.once.len() {
                self.once.push(value);
            }
        }
    }
}

/// Puts back what is written once, in all that this value holds.
fn put_back(value: &mut Value, once: &[Value]) {
    match value.as_array().map(Vec::as_slice) {
        Some([Value::Number(number)]) => {
            let number = number.as_u64().and_then(|number| usize::try_from(number).ok());
            *value = number.and_then(|number| once.get(number)).cloned().unwrap_or_default();
        }
        _ => parts(value).for_each(|part| put_back(part, once)),
    }
}

/// Returns what a list or an object holds.
fn parts(value: &mut Value) -> Box<dyn Iterator<Item = &mut Value> + '_> {
    match value {
        Value::Array(values) => Box::new(values.iter_mut()),
        Value::Object(values) => Box::new(values.values_mut()),
        _ => Box::new(std::iter::empty()),
    }
}
