//! Ports that the kernel chose.

/// Replaces each port after `127.0.0.1:` that is not one of the documentation's, from 12340 on,
/// by as many characters as a port of the kernel's choice has.
pub fn without_ports(text: &str) -> String {
    let mut parts = text.split("127.0.0.1:");
    let before = parts.next().unwrap_or_default().to_owned();
    parts.fold(before, |masked, part| {
        let rest = part.trim_start_matches(|character: char| character.is_ascii_digit());
        let port = if part.starts_with("1234") {
            &part[..part.len() - rest.len()]
        } else {
            "*****"
        };
        masked + "127.0.0.1:" + port + rest
    })
}
