//! A first run of a program, before it is judged: whether it uses its ADDRESS at all, and in which words it speaks.

use std::fs;
use std::path::Path;

use super::running::Running;
use super::{Failure, Kind, Subject, Under};
use crate::run::Peer;

/// What tells a language, by the ending of a file's name or by the name of an interpreter, and the
/// lines that take ADDRESS there.
const LANGUAGES: &[(&str, &[&str], &str)] = &[
    (
        "Python",
        &["py", "python", "python3"],
        r#"import sys; host, port = sys.argv[-1].rsplit(":", 1); port = int(port)"#,
    ),
    (
        "JavaScript",
        &["js", "mjs", "cjs", "node"],
        r#"const [host, port] = process.argv.at(-1).split(":");"#,
    ),
    (
        "Java",
        &["java", "jar"],
        r#"String[] address = args[args.length - 1].split(":");  // host, port"#,
    ),
    ("Go", &["go"], "address := os.Args[len(os.Args)-1]  // import \"os\""),
    ("Rust", &["rs", "cargo"], "let address = std::env::args().last().unwrap();"),
    ("Perl", &["pl", "perl"], "my ($host, $port) = split /:/, $ARGV[-1];"),
    ("Ruby", &["rb", "ruby"], r#"host, port = ARGV.last.split(":")"#),
    ("bash", &["sh", "bash"], "address=${!#}; host=${address%:*}; port=${address##*:}"),
    (
        "C",
        &["c"],
        "char *port = strrchr(argv[argc - 1], ':');  *port++ = 0;  /* argv[argc - 1] is the host */",
    ),
];

/// What the words of a crash hold that can come from an ADDRESS that is not used, or taken apart the wrong way.
const ABOUT_ADDRESS: [&str; 9] = [
    "Index",
    "ValueError",
    "NumberFormat",
    "index out of",
    "gaierror",
    "ddress",
    "argv",
    "refused",
    "ECONN",
];

/// Tries a program out, and returns it with what is to be known before it is judged.
///
/// # Errors
///
/// Why no row of it can be judged, and what to do about it.
pub fn try_out(subject: Subject) -> Result<Subject, String> {
    let traced = Running::start(&subject, Under::Traced);
    let Ok(mut program) = traced.or_else(|_| Running::start(&subject, Under::Plain)) else {
        return Ok(subject); // each row says what the machine lacks
    };
    let mut peer = match program.meet() {
        Ok(peer) => peer,
        Err(Failure::No { got, kind: Kind::ConnectionLost, .. }) => {
            return Err(why_not_judged(&mut program, &got));
        }
        Err(_) => return Ok(subject),
    };
    if program.is_server() && program.is_daemon() {
        return Err("it listens in a process that has left its session, as a daemon does, and that no row can end\n\
                    hint: start the server itself, in the foreground"
            .to_owned());
    }
    let says = own_words(&program, &mut peer);
    let mistake = program.trace.mistake(program.address.port());
    // A new one: its time begins with its first row.
    let mut subject = Subject::new(subject.program, subject.invocation);
    (subject.says, subject.mistake) = (says, mistake);
    Ok(subject)
}

/// Returns what it says in place of the original's words, if that is the same each time.
fn own_words(program: &Running, peer: &mut Peer) -> Option<Vec<u8>> {
    let (first, original) = if program.is_server() {
        peer.send(program.original()).ok()?;
        (program.hears(peer), "ACK!")
    } else {
        (program.hears(peer), program.original())
    };
    // Who repeats them does not wait for a reply.
    if first.is_empty()
        || first.starts_with(original.repeat(2).as_bytes())
        || first == original.as_bytes()
    {
        return None;
    }
    let again = if program.is_server() {
        let mut next = program.is_short().then(|| program.client().ok()).flatten();
        let peer = next.as_mut().unwrap_or(peer);
        peer.send("a message that is another one").ok()?;
        program.hears(peer)
    } else {
        let mut program = Running::start(&program.subject, Under::Plain).ok()?;
        let mut peer = program.meet().ok()?;
        program.hears(&mut peer)
    };
    (first == again).then_some(first)
}

fn why_not_judged(program: &mut Running, got: &str) -> String {
    let (is_server, port) = (program.is_server(), program.address.port());
    let verb = if is_server { "listens" } else { "connects" };
    let words = program.last_words();
    if is_server && program.trace.lacks_listen(port) {
        let words = words.map_or(String::new(), |words| format!(": {words}"));
        return format!("it binds its socket to ADDRESS, and does not call listen{words}");
    }
    let hint = hint(program);
    if let Some(elsewhere) = program.elsewhere() {
        let to = if is_server { "on" } else { "to" };
        // That may have failed: another program has that port, or an ordinary user may not use it.
        let address = elsewhere.split(' ').next().unwrap_or_default();
        if address.ends_with(&format!(":{}", port.swap_bytes())) {
            return format!(
                "it {verb} {to} {elsewhere}: the two bytes of the port {port} are swapped\n\
                 hint: htons(port) puts them in the network's order"
            );
        }
        return format!("it {verb} {to} {elsewhere}, not {to} the ADDRESS it was given\n{hint}");
    }
    let Some(words) = words else {
        return format!("it {verb} nowhere: {got}\n{hint}");
    };
    let is_about_address = ABOUT_ADDRESS.iter().any(|word| words.contains(word))
        || words.starts_with("it ended with exit status: 0");
    let words = words.trim_start_matches("it ended with ");
    let hint = if is_about_address { format!("\n{hint}") } else { String::new() };
    format!("it ends before it {verb}: {words}{hint}")
}

/// Says how a program is started, and how it takes its ADDRESS in its language, if that is known.
fn hint(program: &Running) -> String {
    let hint = format!(
        "hint: cargo compare starts it anew for every row, with an ADDRESS such as {} as \
         the last argument",
        program.address
    );
    match language(&program.subject) {
        None => hint,
        Some((name, line)) => format!("{hint}; in {name}:\n    {line}"),
    }
}

fn language(subject: &Subject) -> Option<(&'static str, &'static str)> {
    let words = subject.invocation.command.iter();
    let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let is_of = |word: &String, signs: &[&str]| {
        let path = Path::new(word);
        // python3.12 is Python, too.
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').to_owned();
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        signs.contains(&ending.as_ref()) || signs.contains(&name.as_str())
    };
    let named = LANGUAGES.iter().find(|(_, signs, _)| words.iter().any(|word| is_of(word, signs)));
    let found = named.or_else(|| {
        let name = language_of_binary(&words[0])?;
        LANGUAGES.iter().find(|(language, ..)| *language == name)
    });
    found.map(|(name, _, line)| (*name, *line))
}

/// Tells a compiled program's language by what its compiler leaves in it.
fn language_of_binary(path: &str) -> Option<&'static str> {
    let bytes = fs::read(path).ok()?;
    let has = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    match () {
        () if !bytes.starts_with(b"\x7fELF") => None,
        () if has(b"/rustc/") => Some("Rust"),
        () if has(b"Go build") => Some("Go"),
        () => Some("C"),
    }
}
