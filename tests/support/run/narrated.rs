//! What the programs print, and `common/watch.py`: lines, among them calls such as `[.] recv(4, 1024) = 0`.

use common::printable;

/// Returns a line as text that is safe to print. The programs in Rust have escaped what has to be, and a backslash is
/// not to be doubled.
pub fn text_of(line: &[u8]) -> String {
    let escaped = printable(line).to_string();
    let plain = escaped.replace(r"\\", r"\");
    if plain.as_bytes() == line { plain } else { escaped }
}

/// Splits a line that shows a call into the call and its result, if there is one: a call that has only begun has none,
/// nor has `close`.
pub fn split_call(line: &str) -> Option<(&str, Option<&str>)> {
    let line = line.strip_prefix("[.] ")?;
    let has_data = line.starts_with("send("); // which can look like a result
    let split = if has_data { line.rsplit_once(" = ") } else { line.split_once(" = ") };
    let (call, result) = split.map_or((line, None), |(call, result)| (call, Some(result)));
    call.contains('(').then_some((call, result))
}
